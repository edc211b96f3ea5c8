/** What is kept for a time and then deleted: whole trees of ended runs, and rows that belong to no run any more. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import type { RunStart } from "../../../src/runtime/processor.ts";
import { type RetentionDeps, sweepOnce } from "../../../src/runtime/retention.ts";
import type { Database } from "../../../src/store/database.ts";
import { insertDeadLetters } from "../../../src/store/dead-letters.ts";
import { keepEvents } from "../../../src/store/events.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { inTurn } from "../../../src/store/retention.ts";
import { until } from "../../support/assertions/until.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../support/services/processor.ts";

const RPC = { kind: "rpc", id: "test" } as const;
const TASK = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);
const OF_RUNS = ["workflow_runs", "step_runs", "run_moves", "run_starts", "child_runs"] as const;
const DAYS = 90;
let at: TestProcessor;
let version: VersionRow;
let logged: { message: string; facts: unknown }[] = [];
let statements = 0;

beforeAll(async () => {
  at = await startProcessor();
  version = await publish(at.database, "task", TASK);
});
afterAll(() => at.stop());
beforeEach(async () => {
  logged = [];
  await sql("truncate workflow_runs, step_runs, run_moves, run_starts, child_runs, effects");
  await sql("truncate retention_notices, move_batches, kept_events, early_reports, dead_letters");
});

async function sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  statements += 1;
  const statement = { name: `retention_test_${statements}`, text };
  return at.database.transaction((tx) =>
    tx.query<Row & Record<string, unknown>>(statement, values),
  );
}

async function start(more: Partial<RunStart> = {}): Promise<string> {
  const begun = { kind: "start", start: startOf(version, more), cause: RPC } as const;
  return (await at.processor.submit(begun)).runId;
}

/** A run that ended some days ago, with everything published. */
async function ended(daysAgo: number, more: Partial<RunStart> = {}): Promise<string> {
  const runId = await start(more);
  const input = transitioned("task", "COMPLETED");
  await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
  await age(runId, daysAgo);
  await sql("update move_batches set published_at = coalesce(published_at, now())");
  return runId;
}

async function age(runId: string, days: number): Promise<void> {
  const ago = "now() - make_interval(days => $2::integer)";
  await sql(`update workflow_runs set completed_at = ${ago} where id = $1`, [runId, days]);
  await sql(`update run_starts set created_at = ${ago} where run_id = $1`, [runId, days]);
}

function noticed(days: number, hoursAgo: number): Promise<unknown> {
  return sql(
    `insert into retention_notices (days, announced_at)
      values ($1, now() - make_interval(hours => $2::integer))`,
    [days, hoursAgo],
  );
}

async function sweep(more: Partial<RetentionDeps> = {}): Promise<void> {
  const warn = (message: string, facts?: unknown) => void logged.push({ message, facts });
  const log = { ...at.log, warn };
  const graphs = createGraphCache(at.database);
  await sweepOnce(
    { database: at.database, graphs, log, days: DAYS, ...more },
    new AbortController().signal,
  );
}

async function runs(): Promise<string[]> {
  const rows = await sql<{ id: string }>("select id from workflow_runs order by id");
  return rows.map(({ id }) => id);
}

async function count(table: string, condition = "true"): Promise<number> {
  const text = `select count(*)::integer as n from ${table} where ${condition}`;
  return (await sql<{ n: number }>(text))[0]?.n ?? -1;
}

describe("an ended run", () => {
  beforeEach(() => noticed(DAYS, 25));

  it("goes with all its rows once it is old, and not before", async () => {
    const young = await ended(DAYS - 1, { triggerEventId: "young" });
    await ended(DAYS + 1, { triggerEventId: "old" });
    await sweep();
    expect(await runs()).toEqual([young]);
    const rows = OF_RUNS.slice(0, 4).map((table) => count(table));
    expect(await Promise.all(rows)).toEqual([
      1,
      1,
      await count("run_moves", `run_id = '${young}'`),
      1,
    ]);
  });

  it("goes when it failed long ago, and stays while it is open, however old", async () => {
    const open = await start();
    await sql("update workflow_runs set created_at = now() - interval '1 year'");
    await sql("update move_batches set published_at = now()");
    await sweep();
    expect(await runs()).toEqual([open]);
  });

  it("stays while a move of it is not published, or a call of it is open", async () => {
    const unpublished = await ended(DAYS + 1);
    const calling = await ended(DAYS + 1);
    await sql(
      `update move_batches set published_at = null where id in (
        select batch_id from run_moves where run_id = $1 order by seq limit 1)`,
      [unpublished],
    );
    await sql(
      `insert into effects (id, workspace_id, step_index, attempt, kind, holder, request,
          created_at, lease_until)
        values ($1 || '/task/1/cancel_objective', 'ws', 0, 1, 'cancel_objective', '', '', now(), now())`,
      [calling],
    );
    await sweep();
    expect(await runs()).toEqual([unpublished, calling].sort());
    await sql("truncate effects");
    await sql("update move_batches set published_at = now() where published_at is null");
    await sweep();
    expect(await runs()).toEqual([]);
  });

  it("is not touched while another replica sweeps", async () => {
    await ended(DAYS + 1);
    await inTurn(at.database, () => sweep());
    expect(await runs()).toHaveLength(1);
  });

  it("is never deleted where RETENTION_DAYS is 0", async () => {
    await ended(DAYS + 1);
    await sweep({ days: 0 });
    expect(await runs()).toHaveLength(1);
  });
});

describe("a run whose deletion takes too long", () => {
  /** By what it was started; the statement may take SHORT_LIMIT. */
  const SECONDS = { slow: 0.15, stuck: 30 };
  const SHORT_LIMIT = "500ms";
  const PATIENCE_MS = 45_000;

  beforeEach(async () => {
    await noticed(DAYS, 25);
    await sql(`create or replace function delete_slowly() returns trigger language plpgsql as $$
      begin
        perform pg_sleep((('${JSON.stringify(SECONDS)}')::jsonb ->> old.trigger_event_id)::float8);
        return old;
      end $$`);
    await sql(`create trigger slowly before delete on workflow_runs
      for each row execute function delete_slowly()`);
  });
  afterEach(() => sql("drop trigger slowly on workflow_runs"));

  function impatient(): Database {
    const limit = { name: "limit", text: `set local statement_timeout = '${SHORT_LIMIT}'` };
    return {
      ...at.database,
      transaction: (work) =>
        at.database.transaction(async (tx) => {
          await tx.query(limit, []);
          return work(tx);
        }),
    };
  }

  it("is passed over, and those around it go in smaller pages", async () => {
    const old = (daysAgo: number, triggerEventId: string) =>
      ended(DAYS + daysAgo, { triggerEventId, triggerSource: String(daysAgo) });
    for (const daysAgo of [9, 8, 4, 3, 2, 1]) await old(daysAgo, "slow");
    const stuck = await old(6, "stuck");
    // A busy machine may take too long for others too, once.
    await until(async () => {
      await sweep({ database: impatient() });
      return (await runs()).length === 1 || undefined;
    }, PATIENCE_MS);
    expect(await runs()).toEqual([stuck]);
    expect(logged.map(({ facts }) => facts)).toContainEqual({ runId: stuck });
  });
});

describe("a tree of runs", () => {
  beforeEach(() => noticed(DAYS, 25));

  it("stays whole while one of its runs is open or young, and then goes whole", async () => {
    const root = await ended(DAYS + 1);
    const child = await ended(DAYS + 2, { parentRunId: root });
    const grandchild = await start({ parentRunId: child });
    const tree = [root, child, grandchild].sort();
    await sweep();
    expect(await runs()).toEqual(tree);
    await sql("update workflow_runs set completed_at = now() where id = $1", [grandchild]);
    await sql("update move_batches set published_at = now()");
    await sweep();
    expect(await runs()).toEqual(tree);
    await age(grandchild, DAYS + 3);
    await sweep();
    expect(await runs()).toEqual([]);
  });

  it("loses no child before its parent", async () => {
    const root = await start();
    const child = await ended(DAYS + 2, { parentRunId: root });
    await sweep();
    expect(await runs()).toEqual([root, child].sort());
  });
});

describe("a start", () => {
  it("outlives its run until it is 30 days old, so that a repeat starts nothing", async () => {
    await noticed(1, 25);
    const runId = await ended(2, { triggerEventId: "event" });
    await sweep({ days: 1 });
    expect(await runs()).toEqual([]);
    const repeat = {
      kind: "start",
      start: startOf(version, { triggerEventId: "event" }),
      cause: RPC,
    };
    expect(await at.processor.submit({ ...repeat, kind: "start" })).toMatchObject({
      created: false,
      runId,
    });
    await age(runId, 29);
    await sweep({ days: 1 });
    expect(await count("run_starts")).toBe(1);
    await age(runId, 31);
    await sweep({ days: 1 });
    expect(await count("run_starts")).toBe(0);
  });

  it("stays with its run, however old", async () => {
    await ended(89, { triggerEventId: "event" });
    await sweep();
    expect(await count("run_starts")).toBe(1);
  });
});

describe("a notice", () => {
  it("says what will go, once for all restarts, a day before anything goes", async () => {
    await ended(DAYS + 1);
    await sweep();
    await sweep();
    expect(logged.map(({ facts }) => facts)).toMatchObject([{ retentionDays: DAYS, runs: 1 }]);
    expect(await runs()).toHaveLength(1);
    await sql("update retention_notices set announced_at = now() - interval '23 hours'");
    await sweep();
    expect(await runs()).toHaveLength(1);
    await sql("update retention_notices set announced_at = now() - interval '25 hours'");
    await sweep();
    expect(await runs()).toHaveLength(0);
    expect(logged).toHaveLength(1);
  });

  it("is given again for fewer days, not for more", async () => {
    await noticed(DAYS, 25);
    await ended(DAYS - 10);
    await sweep({ days: DAYS + 10 });
    expect(logged).toEqual([]);
    await sweep({ days: DAYS - 20 });
    expect(logged.map(({ facts }) => facts)).toMatchObject([{ retentionDays: DAYS - 20, runs: 1 }]);
    expect(await runs()).toHaveLength(1);
  });
});

describe("what belongs to no run", () => {
  it("marks of publishing go after 7 days, those that are not published never", async () => {
    const ages = "select now() - make_interval(days => d) from generate_series(1, 10) as d";
    await sql(`insert into move_batches (partition, created_at, published_at)
      select 0, at, at from (${ages}) as a(at) order by at`);
    await sql(`insert into move_batches (partition, created_at)
      select 1, at from (${ages}) as a(at) order by at`);
    await sweep();
    expect(await count("move_batches", "partition = 0")).toBe(6);
    expect(await count("move_batches", "partition = 1")).toBe(10);
  });

  it("kept events go after 7 days, early reports after 2, messages put aside after 30", async () => {
    const event = { workspaceId: "ws", source: "s", type: "t", subject: "", time: "", data: {} };
    const letter = { subject: "s", reason: "r", problem: "p", headers: {}, data: Buffer.from("") };
    await at.database.transaction(async (tx) => {
      await keepEvents(
        tx,
        ["a", "b"].map((id) => ({ ...event, id })),
      );
      await insertDeadLetters(
        tx,
        [1, 2].map((streamSeq) => ({ ...letter, stream: "S", streamSeq, workspaceId: undefined })),
      );
    });
    await sql(`insert into early_reports (workspace_id, object_id, event_id, report, arrived_at)
      select 'ws', id, 'e', '{}', now() from unnest(array['a', 'b']) as id`);
    const aged = [
      ["kept_events", "arrived_at", "event_id = 'a'", 8],
      ["early_reports", "arrived_at", "object_id = 'a'", 3],
      ["dead_letters", "created_at", "stream_seq = 1", 31],
    ] as const;
    for (const [table, column, which, days] of aged) {
      await sql(`update ${table} set ${column} = now() - interval '${days} days' where ${which}`);
      await sql(
        `update ${table} set ${column} = now() - interval '${days - 2} days' where not ${which}`,
      );
    }
    await sweep();
    expect(await Promise.all(aged.map(([table, , which]) => count(table, which)))).toEqual([
      0, 0, 0,
    ]);
    expect(await Promise.all(aged.map(([table]) => count(table)))).toEqual([1, 1, 1]);
  });
});
