/** Work on runs is bounded: no transaction is open while the engine works, and an expensive run lets others run. */
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { createUnfinishedRuns } from "../../../src/ingress/timers/unfinished-runs.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import {
  createProcessor,
  type Processor,
  type ProcessorDeps,
} from "../../../src/runtime/processor.ts";
import { routeEvents } from "../../../src/runtime/routing/route-event.ts";
import type { Database, Statement, Tx } from "../../../src/store/database.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { holdingLoop } from "../../support/assertions/loop-watchdog.ts";
import { until } from "../../support/assertions/until.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { edgeOf, stepOf, triggerOf, versionOf } from "../../support/builders/version-spec.ts";
import { findRunRows } from "../../support/histories/stored-run.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
  WORKSPACE,
} from "../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "StartRun" } as const;
const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
const silent = createLog({ level: "error", format: "json", write: () => {} });

let at: TestProcessor | undefined;
afterEach(async () => {
  await at?.stop();
  at = undefined;
});

async function begin(): Promise<TestProcessor> {
  at = await startProcessor(undefined, undefined, silent);
  return at;
}

/** Another processor on the same database. */
function another({ database, log }: TestProcessor, more: Partial<ProcessorDeps> = {}): Processor {
  return createProcessor({
    database,
    graphs: createGraphCache(database),
    lookups: { choose: ({ agentId, skillId }) => ({ agentId, skillId }) },
    encodeCall,
    replicaId: "replica-b",
    log,
    onCommitted() {},
    ...more,
  });
}

/** The database with something done around each transaction, and each statement of one seen. */
function watched(
  database: Database,
  { before, seen }: { before?: () => Promise<void>; seen?: (name: string, bytes: number) => void },
): Database {
  const seeing = (queries: Pick<Tx, "query">): Tx["query"] => {
    return (statement, values) => {
      const texts = values.filter((value) => typeof value === "string");
      seen?.(statement.name, texts.join("").length);
      return queries.query(statement, values);
    };
  };
  return {
    ...database,
    alone: {
      async query(statement, values) {
        await before?.();
        return seeing(database.alone)(statement, values);
      },
    },
    async transaction(work) {
      await before?.();
      return database.transaction((tx) => work({ ...tx, query: seeing(tx) }));
    },
  };
}

function start(
  processor: Processor,
  version: Parameters<typeof startOf>[0],
  input: JsonObject = {},
) {
  return processor.submit({ kind: "start", start: startOf(version, { input }), cause: RPC });
}

/** A NOTIFICATION with so many edges, each with a condition that takes some ms. */
function expensive(edges: number): VersionSpec {
  const targets = Array.from({ length: edges }, (_, n) => task(`s${n}`));
  const condition = "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false";
  const root = stepOf("root", { stepType: "NOTIFICATION", notificationChannel: "x" });
  return versionOf(
    [root, ...targets],
    targets.map(({ id }) => edgeOf(`root -> ${id}`, condition)),
  );
}
const XS = { xs: Array.from({ length: 2_000 }, (_, n) => n + 1) };

const stateOf = async ({ database }: TestProcessor, runId: string) =>
  (await findRunRows(database.read, runId))?.run;

describe("a run with more work than one transition's budget", () => {
  it("goes on in further transitions, with other runs in between", async () => {
    const service = await begin();
    const slow = await publish(service.database, "slow", expensive(40));
    const quick = await publish(service.database, "quick", versionOf([task("t")]));
    const { runId } = await start(service.processor, slow, XS);
    // One run of each lane, so one of them waits behind the expensive run.
    await Promise.all(Array.from({ length: 40 }, () => start(service.processor, quick)));
    const meanwhile = await stateOf(service, runId);
    expect(meanwhile?.state).toBe("RUNNING");
    expect(meanwhile?.pending).not.toEqual([]);
    const run = await until(async () => {
      const found = await stateOf(service, runId);
      return found?.state === "COMPLETED" ? found : undefined;
    });
    expect(run.pending).toEqual([]);
    expect(run.continueAtMs).toBeUndefined();
  });

  it("writes a bounded number of bytes with each statement", async () => {
    const service = await begin();
    const roots = Array.from({ length: 60 }, (_, n) => stepOf(`s${n}`, { name: `s${n}` }));
    const version = await publish(service.database, "roots", versionOf(roots));
    const sizes: number[] = [];
    const seen = (_: string, bytes: number) => sizes.push(bytes);
    const database = watched(service.database, { seen });
    const processor = another(service, { database });
    const { runId } = await start(processor, version, { text: "x".repeat(250 * 1024) });
    await until(async () => {
      const run = await stateOf(service, runId);
      return run?.pending.length === 0 ? true : undefined;
    });
    await processor.stop();
    const sql = new pg.Client({ connectionString: service.url });
    await sql.connect();
    const { rows } = await sql.query("select count(*)::int as calls from effects");
    await sql.end();
    expect(rows).toEqual([{ calls: 60 }]);
    // Bytes of calls are written as hex: 1 MB of a transition, the last call that passes it, and the run's input once.
    expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024);
  });

  it("hands back to the lane what a batch has no budget for, and all of it is done", async () => {
    const service = await begin();
    const agents = versionOf([stepOf("a", { name: "a" })]);
    const version = await publish(service.database, "agents", agents);
    const sizes: number[] = [];
    const seen = (_: string, bytes: number) => sizes.push(bytes);
    const processor = another(service, { database: watched(service.database, { seen }) });
    const input = { text: "x".repeat(250 * 1024) };
    // Each submission measures its input at once.
    const runs = await Promise.all(
      holdingLoop(() => Array.from({ length: 200 }, () => start(processor, version, input))),
    );
    await processor.stop();
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(200);
    // 4 MB of a batch, as hex, and as much of inputs.
    expect(Math.max(...sizes)).toBeLessThan(16 * 1024 * 1024);
  });

  it("loads so many payloads at once, and all inputs have their turn", async () => {
    const service = await begin();
    const chain = versionOf([task("a"), task("b"), task("c")], ["a -> b", "b -> c"]);
    const version = await publish(service.database, "chain", chain);
    const started = await Promise.all(
      Array.from({ length: 200 }, () => start(service.processor, version)),
    );
    const report = (processor: Processor, runId: string, step: string) => {
      const input = transitioned(step, "COMPLETED", { output: {} });
      return processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
    };
    await Promise.all(started.map(({ runId }) => report(service.processor, runId, "a")));
    const sql = new pg.Client({ connectionString: service.url });
    await sql.connect();
    // 16 MB for each lane, far less as they are stored: the limit is on what they are when they are read.
    await sql.query(`
      update step_runs set output = jsonb_build_object('t', repeat('x', 640 * 1024)) where step_index = 0`);
    await sql.end();
    const sizes: number[] = [];
    const write: Database["write"] = {
      ...service.database.write,
      async query<Row extends pg.QueryResultRow>(statement: Statement, values: readonly unknown[]) {
        const rows = await service.database.write.query<Row>(statement, values);
        if (statement.name === "load_rows")
          sizes.push(holdingLoop(() => JSON.stringify(rows).length));
        return rows;
      },
    };
    const processor = another(service, { database: { ...service.database, write } });
    const replies = await Promise.all(started.map(({ runId }) => report(processor, runId, "b")));
    await processor.stop();
    expect(replies.every(({ reply }) => reply.kind === "applied")).toBe(true);
    expect(Math.max(...sizes)).toBeGreaterThan(1024 * 1024);
    expect(Math.max(...sizes)).toBeLessThan(9 * 1024 * 1024);
  });

  it("is taken up by the standing loop of another replica where the first one ended", async () => {
    const service = await begin();
    const fan = versionOf(
      [
        stepOf("root", { stepType: "NOTIFICATION", notificationChannel: "x" }),
        task("a"),
        task("b"),
      ],
      [edgeOf("root -> a", "n == 1"), edgeOf("root -> b", "n == 2")],
    );
    const version = await publish(service.database, "fan", fan);
    const first = another(service, { budget: 1 });
    const starting = start(first, version, { n: 2 });
    const stopped = first.stop();
    const { runId } = await starting;
    await stopped;
    expect((await stateOf(service, runId))?.pending).not.toEqual([]);
    const sql = new pg.Client({ connectionString: service.url });
    await sql.connect();
    await sql.query("update workflow_runs set continue_at = now() - interval '1 ms'");
    await sql.end();
    const loop = createUnfinishedRuns(service);
    loop.start();
    const steps = await until(async () => {
      const found = await findRunRows(service.database.read, runId);
      return found?.run.pending.length === 0 ? found.steps : undefined;
    });
    await loop.stop();
    expect(steps.get(2)?.state).toBe("WAITING");
  });
});

describe("the engine works without a transaction", () => {
  it("none is open while a run is folded", async () => {
    const service = await begin();
    const version = await publish(service.database, "agent", versionOf([stepOf("a")]));
    let open = 0;
    const seen: number[] = [];
    const database: Database = {
      ...service.database,
      async transaction(work) {
        open += 1;
        try {
          return await service.database.transaction(work);
        } finally {
          open -= 1;
        }
      },
    };
    const lookups = {
      choose() {
        seen.push(open);
        return undefined;
      },
    };
    const processor = another(service, { database, lookups });
    await start(processor, version);
    await processor.stop();
    expect(seen).toEqual([0]);
  });

  it("what another replica committed meanwhile is not overwritten", async () => {
    const service = await begin();
    const version = await publish(service.database, "task", versionOf([task("t")]));
    const { runId } = await start(service.processor, version);
    const complete = (output: JsonObject) =>
      ({
        kind: "input",
        runId,
        workspaceId: WORKSPACE,
        input: transitioned("t", "COMPLETED", { output }),
      }) as const;
    let times = 0;
    const before = async () => {
      times += 1;
      if (times === 1) await service.processor.submit(complete({ by: "other" }));
    };
    const processor = another(service, { database: watched(service.database, { before }) });
    const { reply } = await processor.submit(complete({ by: "late" }));
    await processor.stop();
    expect(reply.kind).toBe("unchanged");
    // By one statement, then with locks, and once more when the run was read anew.
    expect(times).toBe(3);
    const found = await findRunRows(service.database.read, runId);
    expect(found?.steps.get(0)?.output).toEqual({ by: "other" });
  });

  it("nor is an id that a step learned meanwhile without a move", async () => {
    const service = await begin();
    const version = await publish(service.database, "task", versionOf([task("t")]));
    const { runId } = await start(service.processor, version);
    const report = (...given: Parameters<typeof transitioned>) =>
      ({ kind: "input", runId, workspaceId: WORKSPACE, input: transitioned(...given) }) as const;
    let times = 0;
    const before = async () => {
      times += 1;
      if (times > 1) return;
      await service.processor.submit(report("t", "WAITING", { objectiveId: "obj_1" }));
    };
    const processor = another(service, { database: watched(service.database, { before }) });
    await processor.submit(report("t", "COMPLETED", { output: { done: true } }));
    await processor.stop();
    const found = await findRunRows(service.database.read, runId);
    expect(found?.steps.get(0)).toMatchObject({ objectiveId: "obj_1", state: "COMPLETED" });
  });

  it("two starts by one event that two replicas fold side by side make one run", async () => {
    const service = await begin();
    const version = await publish(service.database, "task", versionOf([task("t")]));
    const byEvent = startOf(version, { triggerEventId: "e1", triggerSource: "crm" });
    const submission = { kind: "start", start: byEvent, cause: RPC } as const;
    let other: string | undefined;
    const before = async () => {
      other ??= (await service.processor.submit(submission)).runId;
    };
    const processor = another(service, { database: watched(service.database, { before }) });
    const twice = await Promise.all([processor.submit(submission), processor.submit(submission)]);
    await processor.stop();
    expect(twice.map(({ runId, created }) => ({ runId, created }))).toEqual([
      { runId: other, created: false },
      { runId: other, created: false },
    ]);
  });
});

describe("what the database cannot write in time", () => {
  /** Writing a run of this entity fails like a statement that times out. */
  async function begun(): Promise<TestProcessor> {
    const service = await begin();
    const sql = new pg.Client({ connectionString: service.url });
    await sql.connect();
    await sql.query(`
      create function overrun() returns trigger language plpgsql as $$ begin
        raise exception 'canceling statement due to statement timeout' using errcode = '57014';
      end $$;
      create trigger overrun before insert on workflow_runs for each row
        when (new.input_payload ? 'poison') execute function overrun();
      create trigger overrun before update on step_runs for each row
        when (new.output ? 'poison') execute function overrun()`);
    await sql.end();
    return service;
  }

  it("is refused alone with a message, and the rest of its batch is done", async () => {
    const service = await begun();
    const version = await publish(service.database, "task", versionOf([task("t")]));
    const inputs = Array.from(
      { length: 30 },
      (_, n): JsonObject => (n % 10 === 5 ? { poison: 1 } : { n }),
    );
    const ended = await Promise.allSettled(
      inputs.map((input) => start(service.processor, version, input)),
    );
    const refused = ended.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refused).toHaveLength(3);
    for (const error of refused) {
      expect(error).toMatchObject({
        name: "Refusal",
        reason: "too_costly",
        message: "the change takes longer, or is larger, than the database allows",
      });
    }
  });

  it("is a fault of its event, whose deliveries are counted, and not of a database that is away", async () => {
    const service = await begun();
    const trigger = triggerOf({ triggerType: "EVENT", eventType: "shop.order" });
    await publish(service.database, "by event", versionOf([task("t")], [], { trigger }));
    const deps = { ...service, graphs: createGraphCache(service.database) };
    const event = {
      ...{ workspaceId: WORKSPACE, id: "e1", source: "shop", type: "shop.order", subject: "" },
      ...{ time: "", data: { poison: 1 }, actorAgentId: "", hops: 0 },
    };
    const [routed] = await routeEvents(deps, [event]);
    expect(routed).toMatchObject({ ok: false, kind: "failed" });
  });
});
