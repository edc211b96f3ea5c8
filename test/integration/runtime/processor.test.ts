/** The processor on a real Postgres: group commit, unique starts, all or nothing, few rows. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Input, StepReport } from "../../../src/engine/values/input.ts";
import { createLog } from "../../../src/process/log.ts";
import { readMetric } from "../../../src/process/metrics.ts";
import { Refusal } from "../../../src/process/refusal.ts";
import { LANES } from "../../../src/runtime/processor.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { listRuns } from "../../../src/store/reads/runs.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { until } from "../../support/assertions/until.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { edgeOf, stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import { type CommitCutter, startCommitCutter } from "../../support/servers/commit-cutter.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "TransitionStep" } as const;
const twoTasks = versionOf(
  [
    stepOf("first", { stepType: "HUMAN_TASK", name: "first" }),
    stepOf("second", { stepType: "HUMAN_TASK", name: "second" }),
  ],
  ["first -> second"],
);

let at: TestProcessor;
let version: VersionRow;

beforeAll(async () => {
  at = await startProcessor();
  version = await publish(at.database, "two tasks", twoTasks);
});
afterAll(() => at.stop());

function start(more: Parameters<typeof startOf>[1] = {}, from = at) {
  return from.processor.submit({ kind: "start", start: startOf(version, more), cause: RPC });
}

function report(stepId: string, more: Partial<StepReport>) {
  return transitioned(stepId, "COMPLETED", more);
}

function send(runId: string, input: Input, workspaceId = "") {
  return at.processor.submit({ kind: "input", runId, workspaceId, input });
}

async function stateOf(runId: string) {
  return (await findRunRows(at.database.read, runId))?.run.state;
}

async function countOf(sql: string, values: unknown[] = []): Promise<number> {
  const client = new pg.Client({ connectionString: at.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${sql}`, values);
    return Number(rows[0]?.n);
  } finally {
    await client.end();
  }
}

describe("a run", () => {
  it("goes from start to end, with its payloads and history", async () => {
    const { runId, reply, created } = await start();
    expect({ reply, created }).toEqual({ reply: { kind: "applied" }, created: true });
    expect(await stateOf(runId)).toBe("RUNNING");
    await send(runId, report("first", { output: { score: 7 }, costUsd: 0.5 }));
    await send(runId, report("second", { output: { done: true } }));
    const whole = await findRunRows(at.database.read, runId);
    expect(whole?.run).toMatchObject({ state: "COMPLETED", totalCostUsd: 0.5, seq: 3 });
    expect(whole?.input).toEqual({ amount: 1 });
    expect([...(whole?.steps.values() ?? [])].map(({ state, output }) => [state, output])).toEqual([
      ["COMPLETED", { score: 7 }],
      ["COMPLETED", { done: true }],
    ]);
    expect(await countOf("run_moves where run_id = $1", [runId])).toBe(3);
  });

  it("reports a condition that cannot be evaluated, which counts as false", async () => {
    const conditional = versionOf(
      [
        stepOf("ask", { stepType: "HUMAN_TASK", name: "ask" }),
        stepOf("go", { stepType: "HUMAN_TASK", name: "go" }),
      ],
      [edgeOf("ask -> go", "score > 5")],
    );
    const { id: versionId, definitionId } = await publish(at.database, "conditional", conditional);
    const { runId } = await start({ versionId, definitionId });
    const failed = () => readMetric("workflows_filters_failed_total", { of: "edge" });
    const before = failed();
    await send(runId, report("ask", { output: { rate: 7 } }));
    expect(await stateOf(runId)).toBe("COMPLETED");
    expect(failed() - before).toBe(1);
  });

  it("is answered with the engine's refusal, and nothing changes", async () => {
    const { runId } = await start();
    const { reply } = await send(runId, report("second", {}));
    expect(reply.kind).toBe("refused");
    expect(await countOf("run_moves where run_id = $1", [runId])).toBe(1);
  });

  it("is not found when unknown or another workspace's", async () => {
    const { runId } = await start();
    const pause: Input = { kind: "pause_requested", cause: RPC, reason: "" };
    await expect(send("wfr_none", pause)).rejects.toMatchObject({ reason: "not_found" });
    await expect(send(runId, pause, "ws_other")).rejects.toBeInstanceOf(Refusal);
    const late = await send("wfr_none", { ...pause, cause: { kind: "event", id: "e" } });
    expect(late.reply).toEqual({ kind: "unchanged" });
    expect(await stateOf(runId)).toBe("RUNNING");
  });
});

describe("a batch", () => {
  it("takes the inputs of 200 runs in a few commits", async () => {
    const before = at.batches.length;
    const runs = await Promise.all(Array.from({ length: 200 }, () => start()));
    const startBatches = at.batches.length - before;
    expect(startBatches).toBeLessThanOrEqual(32);
    await Promise.all(runs.map(({ runId }) => send(runId, report("first", { output: {} }))));
    expect(at.batches.length - before - startBatches).toBeLessThanOrEqual(32);
    const { runs: found, total } = await listRuns(at.database.read, EVERY_WORKSPACE, {
      workspaceId: WORKSPACE,
      definitionId: version.definitionId,
      state: "RUNNING",
      entityId: "",
      initiatorAgentId: "",
      limit: 500,
      offset: 0,
    });
    const ids = new Set(found.map(({ id }) => id));
    expect(runs.every(({ runId }) => ids.has(runId))).toBe(true);
    expect(total).toBe(found.length);
  });

  it("folds inputs of one run in the order in which they came", async () => {
    const { runId } = await start();
    const replies = await Promise.all([
      send(runId, report("first", { output: { n: 1 } })),
      send(runId, report("second", { output: { n: 2 } })),
      send(runId, report("second", { output: { n: 3 } })),
    ]);
    expect(replies.map(({ reply }) => reply.kind)).toEqual(["applied", "applied", "unchanged"]);
    expect(await stateOf(runId)).toBe("COMPLETED");
  });

  it("leaves one bad input to its caller and applies the others", async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => start()));
    const results = await Promise.allSettled(
      runs.map(({ runId }, n) =>
        // Postgres stores no NUL; ingress refuses it, so only a fault of ours gets here.
        send(runId, report("first", { output: { text: n === 7 ? "\u0000" : "fine" } })),
      ),
    );
    const applied = results.filter(({ status }) => status === "fulfilled");
    expect(applied.length).toBeGreaterThanOrEqual(19);
  });
});

describe("a call", () => {
  it("has one result, also when two come in one batch", async () => {
    const workflow = { name: "nobody" };
    const spec = versionOf([stepOf("call", { agentId: "", config: { workflow } })]);
    const { id: versionId, definitionId } = await publish(at.database, "calls", spec);
    const { runId } = await start({ versionId, definitionId });
    const callId = `${runId}/call/1/start_run-0`;
    const input: Input = {
      ...{ kind: "call_returned", callId, call: "start_run", stepIndex: 0, attempt: 1 },
      cause: { kind: "call", id: callId },
      result: { ok: false, message: "there is none" },
    };
    await Promise.all([send(runId, input), send(runId, input)]);
    expect(await stateOf(runId)).toBe("FAILED");
    expect(await countOf("run_moves where run_id = $1", [runId])).toBe(2);
  });
});

describe("a start by event", () => {
  it("happens once per definition, source and id, however often and at once it is asked for", async () => {
    const event = { triggerType: "EVENT", triggerEventId: "evt-1", triggerSource: "crm" } as const;
    const first = await Promise.all(Array.from({ length: 40 }, () => start(event)));
    expect(new Set(first.map(({ runId }) => runId)).size).toBe(1);
    expect(first.filter(({ created }) => created)).toHaveLength(1);
    const byRpc = await start({ ...event, triggerSource: "" });
    expect(byRpc).toMatchObject({ created: false, runId: first[0]?.runId });
    const elsewhere = await start({ ...event, triggerSource: "billing" });
    expect(elsewhere.created).toBe(true);
    expect(await countOf("workflow_runs where trigger_event_id = 'evt-1'")).toBe(2);
  });

  it("happens once when one batch has it with and without its source", async () => {
    const event = { triggerType: "EVENT", triggerEventId: "evt-mixed" } as const;
    // So many that each lane has several.
    const made = Array.from({ length: 40 }, (_, n) =>
      start({ ...event, triggerSource: n % 2 === 0 ? "crm" : "" }),
    );
    expect((await Promise.all(made)).filter(({ created }) => created)).toHaveLength(1);
  });
});

describe("a commit that fails", () => {
  it("leaves nothing of its batch", async () => {
    const client = new pg.Client({ connectionString: at.url });
    await client.connect();
    try {
      await client.query(`create function refuse() returns trigger language plpgsql
        as $$ begin raise exception 'refused'; end $$`);
      await client.query(`create trigger refuse before insert on run_moves
        for each row execute function refuse()`);
      const runs = await countOf("workflow_runs");
      await expect(start({ triggerEventId: "evt-2" })).rejects.toBeInstanceOf(pg.DatabaseError);
      expect(await countOf("workflow_runs")).toBe(runs);
      expect(await countOf("run_starts where event_id = 'evt-2'")).toBe(0);
      await client.query("drop trigger refuse on run_moves");
      expect((await start({ triggerEventId: "evt-2" })).created).toBe(true);
    } finally {
      await client.end();
    }
  });

  it("because of one run is repeated without that run", async () => {
    const client = new pg.Client({ connectionString: at.url });
    await client.connect();
    try {
      const runs = await Promise.all(Array.from({ length: 100 }, () => start()));
      const bad = runs[42]?.runId ?? "";
      await client.query(`create function refuse_one() returns trigger language plpgsql
        as $$ begin if new.run_id = '${bad}' then raise exception 'refused'; end if;
        return new; end $$`);
      await client.query(`create trigger refuse_one before insert on run_moves
        for each row execute function refuse_one()`);
      const results = await Promise.allSettled(
        runs.map(({ runId }) => send(runId, report("first", { output: {} }))),
      );
      const failed = results.flatMap(({ status }, n) => (status === "rejected" ? [n] : []));
      expect(failed).toEqual([42]);
      await client.query("drop trigger refuse_one on run_moves");
      expect((await send(bad, report("first", { output: {} }))).reply.kind).toBe("applied");
    } finally {
      await client.end();
    }
  });

  it("whose answer is lost is found committed or not", async () => {
    let cutter: CommitCutter | undefined;
    const far = await startProcessor(undefined, async (url) => {
      cutter = await startCommitCutter(url);
      return cutter.url;
    });
    try {
      const own = await publish(far.database, "far", twoTasks);
      cutter?.cutNextCommit();
      const { runId, created } = await far.processor.submit({
        kind: "start",
        start: startOf(own, { triggerEventId: "evt-far", triggerSource: "crm" }),
        cause: RPC,
      });
      expect(cutter?.cuts()).toBe(1);
      expect(created).toBe(true);
      const { runs } = await listRuns(far.database.read, EVERY_WORKSPACE, {
        workspaceId: WORKSPACE,
        definitionId: "",
        entityId: "",
        initiatorAgentId: "",
        limit: 10,
        offset: 0,
      });
      expect(runs.map(({ id }) => id)).toEqual([runId]);
    } finally {
      await far.stop();
      await cutter?.stop();
    }
  });

  it("waits for a database that is away; logs that once, and its return once", async () => {
    let cutter: CommitCutter | undefined;
    const lines: string[] = [];
    const far = await startProcessor(
      undefined,
      async (url) => {
        cutter = await startCommitCutter(url);
        return cutter.url;
      },
      createLog({ level: "info", format: "json", write: (line) => lines.push(line) }),
    );
    const logged = (words: string) => lines.filter((line) => line.includes(words)).length;
    try {
      const own = await publish(far.database, "away", twoTasks);
      cutter?.stayAway();
      const started = Promise.all(
        Array.from({ length: 40 }, () =>
          far.processor.submit({ kind: "start", start: startOf(own), cause: RPC }),
        ),
      );
      await until(() => ((cutter?.turnedAway() ?? 0) >= 10 ? true : undefined));
      cutter?.mend();
      expect(await started).toHaveLength(40);
      expect(logged("a batch waits for the database")).toBe(1);
      expect(logged("batches are committed again")).toBe(1);
    } finally {
      await far.stop();
      await cutter?.stop();
    }
  });

  it("is tried again when connections are cut", async () => {
    const killer = new pg.Client({ connectionString: at.url });
    await killer.connect();
    try {
      const started = Promise.all(Array.from({ length: 50 }, () => start()));
      await killer.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`);
      const runs = await started;
      expect(new Set(runs.map(({ runId }) => runId)).size).toBe(50);
      for (const { runId } of runs) expect(await stateOf(runId)).toBe("RUNNING");
    } finally {
      await killer.end();
    }
  });
});

describe("a run that is locked elsewhere", () => {
  it("joins a later batch; the others of its batch do not wait", async () => {
    const { runId } = await start();
    const other = new pg.Client({ connectionString: at.url });
    await other.connect();
    await other.query("begin");
    await other.query("select 1 from workflow_runs where id = $1 for update", [runId]);
    const held = send(runId, report("first", { output: {} }));
    const free = await Promise.all(Array.from({ length: 20 }, () => start()));
    expect(free).toHaveLength(20);
    await other.query("rollback");
    await other.end();
    expect((await held).reply.kind).toBe("applied");
  });
});

describe("an input that is too large", () => {
  it("is refused with its size", async () => {
    const input = { text: "x".repeat(300_000) };
    await expect(start({ input })).rejects.toMatchObject({ reason: "too_large" });
  });
});

describe("a full lane", () => {
  it("refuses at once and loses nothing that it took", async () => {
    const small = await startProcessor(3);
    try {
      const own = await publish(small.database, "small", twoTasks);
      const results = await Promise.allSettled(
        Array.from({ length: 200 }, () =>
          small.processor.submit({ kind: "start", start: startOf(own), cause: RPC }),
        ),
      );
      const refused = results.filter(({ status }) => status === "rejected");
      expect(refused.length).toBe(200 - 3 * LANES);
      for (const result of refused) {
        expect(result).toMatchObject({ reason: { reason: "overloaded" } });
      }
    } finally {
      await small.stop();
    }
  });
});
