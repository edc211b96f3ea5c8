/** One blocked start, timer, event, look-up or connection blocks nothing else. */

import { once } from "node:events";
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreateResponseSchema } from "../../gen/objectives/v1/objectives_pb.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { createLookupCache } from "../../src/collaborators/lookup-cache.ts";
import { createDispatcher } from "../../src/egress/dispatch/dispatcher.ts";
import { createPerformers } from "../../src/egress/performers/performers.ts";
import { createPublisher } from "../../src/egress/publish/publisher.ts";
import { createListener } from "../../src/ingress/rpc/sockets.ts";
import { startTimers } from "../../src/ingress/timers/timers.ts";
import { createLog } from "../../src/process/log.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { insertEarlyReports } from "../../src/store/events.ts";
import { lockStarts } from "../../src/store/run-starts.ts";
import { startGuard } from "../../tools/parts/guard.ts";
import { startNatsServer } from "../../tools/parts/nats-server.ts";
import { until } from "../support/assertions/until.ts";
import { stepOf, versionOf } from "../support/builders/version-spec.ts";
import { messageOf, startCollaborator } from "../support/collaborators/collaborators.ts";
import { findRunRows } from "../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../support/services/processor.ts";
import { STREAM_LIMITS } from "../support/services/stream-limits.ts";

const RPC = { kind: "rpc", id: "StartRun" } as const;
const TASK = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);

let at: TestProcessor;

beforeAll(async () => {
  at = await startProcessor();
});
afterAll(() => at.stop());

function start(version: Parameters<typeof startOf>[0], more: Parameters<typeof startOf>[1] = {}) {
  return at.processor.submit({ kind: "start", start: startOf(version, more), cause: RPC });
}

async function countOf(text: string): Promise<number> {
  const name = `count_${text.replaceAll(/\W+/g, "_")}`;
  const rows = await at.database.read.query<{ n: number }>(
    { name, text: `select count(*)::int as n from ${text}` },
    [],
  );
  return rows[0]?.n ?? 0;
}

describe("a start that another replica is making", () => {
  it("is retried, and nothing behind it waits", async () => {
    const version = await publish(at.database, "held start", TASK);
    const event = {
      triggerType: "EVENT",
      triggerEventId: "evt-held",
      triggerSource: "crm",
    } as const;
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let isLocked = () => {};
    const locked = new Promise<void>((resolve) => {
      isLocked = resolve;
    });
    const { definitionId } = version;
    const other = at.database.transaction(async (tx) => {
      await lockStarts(tx, [{ workspaceId: WORKSPACE, definitionId, eventId: "evt-held" }]);
      isLocked();
      await held;
    });
    await locked;
    // As many as there are lanes, and more: some share the lane of the start that is held.
    const waiting = start(version, event);
    const others = await Promise.all(Array.from({ length: 64 }, () => start(version)));
    expect(others.every(({ created }) => created)).toBe(true);
    letGo();
    await other;
    expect((await waiting).created).toBe(true);
  });
});

describe("timers that are refused", () => {
  it("are retried at the pace of all others, and logged once a round", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "warn", format: "json", write: (line) => lines.push(line) });
    // Two lanes of so many have no room for all timers at once.
    const small = await startProcessor(160);
    try {
      const spec = versionOf([
        stepOf("pause", { stepType: "WAIT_FOR_EVENT", config: { delay_seconds: 0.1 } }),
      ]);
      const version = await publish(small.database, "pauses", spec);
      const begun = { kind: "start", start: startOf(version), cause: RPC } as const;
      for (let n = 0; n < 7; n += 1) {
        await Promise.all(Array.from({ length: 100 }, () => small.processor.submit(begun)));
      }
      const timers = startTimers({ database: small.database, processor: small.processor, log });
      const text = "select count(*)::int as n from workflow_runs where completed_at is null";
      await until(async () => {
        const [row] = await small.database.read.query<{ n: number }>({ name: "open", text }, []);
        return row?.n === 0 ? true : undefined;
      });
      await timers.stop();
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThan(20);
    } finally {
      await small.stop();
    }
  });
});

describe("a report that came early", () => {
  it("is matched again when its process died before it was applied", async () => {
    const version = await publish(at.database, "missed", versionOf([stepOf("work")]));
    const { runId } = await start(version);
    for (const value of [
      { kind: "look_up", resolution: { agentId: "a1", skillId: "" } } as const,
      { kind: "create_objective", objectiveId: "obj_missed" } as const,
    ]) {
      const call = await until(() => at.calls.find((each) => each.runId === runId));
      at.calls.splice(at.calls.indexOf(call), 1);
      const { callId, stepIndex, attempt, kind } = call;
      const cause = { kind: "call", id: callId } as const;
      const result = { ok: true, value } as const;
      await at.processor.submit({
        kind: "input",
        runId,
        workspaceId: "",
        input: { kind: "call_returned", cause, callId, call: kind, stepIndex, attempt, result },
      });
    }
    const report = {
      owner: "objective",
      id: "obj_missed",
      state: "COMPLETED",
      output: { done: true },
      errorMessage: "",
      costUsd: 0,
      agentId: "",
    } as const;
    const kept = { workspaceId: WORKSPACE, objectId: "obj_missed", eventId: "evt_missed" };
    await at.database.transaction((tx) =>
      insertEarlyReports(tx, [{ ...kept, report: { kind: "owner", report } }]),
    );
    const timers = startTimers(at);
    const whole = await until(async () => {
      const found = await findRunRows(at.database.read, runId);
      return found?.run.completedAtMs === undefined ? undefined : found;
    });
    await timers.stop();
    expect(whole.steps.get(0)).toMatchObject({ state: "COMPLETED", output: { done: true } });
  });
});

describe("an event that its stream refuses for good", () => {
  it("is skipped, and all others are published", async () => {
    const guard = await startGuard("workflows-test-");
    const nats = await startNatsServer(guard, () => {});
    const connection = await connect({ servers: nats.url });
    try {
      const manager = await connection.jetstreamManager();
      const subjects = ["workflows.changes.>"];
      await manager.streams.add({ name: "WORKFLOWS", subjects, max_msg_size: 4_000 });
      const version = await publish(at.database, "too large", TASK);
      const { runId } = await start(version, { input: { text: "x".repeat(8_000) } });
      const publisher = createPublisher({
        limits: STREAM_LIMITS,
        database: at.database,
        graphs: createGraphCache(at.database),
        log: createLog({ level: "error", format: "json", write: () => {} }),
        connection,
        stream: "WORKFLOWS",
        format: "cloudevents",
        replicaId: "replica-a",
      });
      publisher.start();
      await until(async () =>
        (await countOf("move_batches where published_at is null")) === 0 ? true : undefined,
      );
      await start(version);
      await until(async () =>
        (await countOf("move_batches where published_at is null")) === 0 ? true : undefined,
      );
      await publisher.stop();
      // A second stop finds something to publish and no way left to do so.
      await start(version);
      await publisher.stop();
      const { state } = await manager.streams.info("WORKFLOWS");
      expect(state.messages).toBeGreaterThan(0);
      expect((await findRunRows(at.database.read, runId))?.run.state).toBe("RUNNING");
    } finally {
      await connection.close();
      await nats.stop();
      await guard.release();
    }
  });
});

describe("more calls than the room holds", () => {
  it("stay in the table while their collaborator hangs, and delay no other collaborator's calls", async () => {
    const hanging = await startCollaborator(() => "hang");
    const objectives = await startCollaborator(() =>
      messageOf(CreateResponseSchema, { objective: { id: "obj_beside" } }),
    );
    const log = createLog({ level: "error", format: "json", write: () => {} });
    const clients = createClients(
      {
        urls: { notifications: hanging.url, objectives: objectives.url },
        protocol: "connect",
        timeoutMs: 2_000,
        concurrency: 8,
      },
      log,
    );
    let transactions = 0;
    const dispatcher = createDispatcher({
      database: {
        ...at.database,
        transaction(work) {
          transactions += 1;
          return at.database.transaction(work);
        },
      },
      processor: at.processor,
      performers: createPerformers({ ...at, clients, lookups: createLookupCache({}), log }),
      clients,
      log,
      replicaId: "replica-crowd",
    });
    await at.database.transaction((tx) => tx.query(CROWD, [4_000]));
    dispatcher.start();
    try {
      await until(() => (objectives.asked.length > 0 ? true : undefined));
      // Claims and releases of calls without room are a few hundred each; without pauses there are thousands.
      expect(transactions).toBeLessThan(200);
    } finally {
      await dispatcher.stop();
      await hanging.stop();
      await objectives.stop();
    }
  });
});

// One call to a collaborator that answers, behind many to one that does not.
const CROWD = {
  name: "insert_crowd",
  text: `insert into effects
      (id, workspace_id, step_index, attempt, kind, request, created_at, lease_until, holder)
    select 'wfr_crowd/step' || n || '/1/call', 'ws', 0, 1,
      case when n = $1::int then 'create_objective' else 'send_notification' end, '', now(),
      now() - make_interval(secs => 3600 - n / 1000.0), 'gone'
    from generate_series(1, $1::int) as n`,
};

describe("a connection that is kept", () => {
  it("does not hold up the stop once its last request is answered", async () => {
    const log = createLog({ level: "error", format: "json", write: () => {} });
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const listener = createListener({
      host: "127.0.0.1",
      port: 0,
      log,
      handle: (_, response) => {
        answer();
        void delay(50).then(() => response.end("late"));
      },
    });
    const { port } = await listener.listen();
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get({ port, host: "127.0.0.1", agent });
    await asked;
    const stopped = listener.stop(120_000);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    await stopped;
    agent.destroy();
  }, 10_000);
});
