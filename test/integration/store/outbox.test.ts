/** Marks of published batches on Postgres: only the holder of a partition's lease sets them. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PARTITIONS } from "../../../src/runtime/partition.ts";
import { markPublished } from "../../../src/store/mark-published.ts";
import {
  letGoPartitions,
  listUnpublished,
  showReplica,
  takePartitions,
  type UnpublishedBatch,
} from "../../../src/store/outbox.ts";
import { COUNTER_KINDS, type RunCount } from "../../../src/store/run-counts.ts";
import { readClock } from "../../../src/store/service-reads/clock.ts";
import { addStreamMark, findNewestMark, publishAgain } from "../../../src/store/stream-marks.ts";
import { until } from "../../support/assertions/until.ts";
import { startProcessor, type TestProcessor } from "../../support/services/processor.ts";

const ACKED = { stream: "WORKFLOWS", seq: 9 };

let at: TestProcessor;
let sql: pg.Client;
let batch: UnpublishedBatch;

const isMarked = async () =>
  (await listUnpublished(at.database, [batch.partition], 9)).length === 0;

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
});
beforeEach(async () => {
  await sql.query(
    "delete from stream_marks; delete from stream_acks; delete from partition_leases; delete from move_batches",
  );
  const { rows } = await sql.query<UnpublishedBatch>(
    `insert into move_batches (partition) values (7) returning id::float8 as id, partition, changes`,
  );
  if (rows[0] === undefined) throw new Error("no batch");
  [batch] = rows;
  await takePartitions(at.database, "one", PARTITIONS);
});
afterAll(async () => {
  await sql.end();
  await at.stop();
});

it("are set by the holder", async () => {
  await markPublished(at.database, "one", [batch], ACKED);
  expect(await isMarked()).toBe(true);
});

it("are not set by a replica whose partitions another one has taken since", async () => {
  await letGoPartitions(at.database, "one");
  await takePartitions(at.database, "two", PARTITIONS);
  await markPublished(at.database, "one", [batch], ACKED);
  expect(await isMarked()).toBe(false);
  await markPublished(at.database, "two", [batch], ACKED);
  expect(await isMarked()).toBe(true);
});

it("are not set when the lease has ended, though no other replica has taken it", async () => {
  await letGoPartitions(at.database, "one");
  await markPublished(at.database, "one", [batch], ACKED);
  expect(await isMarked()).toBe(false);
});

describe("what a batch counts", () => {
  const DAY = 20_000;
  const endAs = (name: string, runs = 1): RunCount => ({
    ...{ definitionId: "wf_counted", kind: COUNTER_KINDS.ended, day: DAY, name, runs },
    ...{ costUsd: 0.5 * runs, durationMs: 100 * runs, lastAtMs: DAY * 86_400_000 },
  });
  const mark = (holder: string, ...counts: readonly RunCount[]) =>
    markPublished(at.database, holder, [{ ...batch, counts }], ACKED);
  const another = async () => {
    const { rows } = await sql.query<UnpublishedBatch>(
      "insert into move_batches (partition) values (7) returning id::float8 as id, partition, changes",
    );
    if (rows[0] === undefined) throw new Error("no batch");
    [batch] = rows;
  };
  const counted = async (day = DAY) => {
    const { rows } = await sql.query<{ name: string; runs: number; cost: number; ms: number }>(
      `select name, sum(runs)::float8 as runs, sum(cost_usd)::float8 as cost, sum(duration_ms)::float8 as ms
      from workflow_counters where definition_id = 'wf_counted' and kind = $1 and day = $2 group by name order by name`,
      [COUNTER_KINDS.ended, day],
    );
    return rows;
  };
  const reports = async () => {
    const { rows } = await sql.query<{ changes: { operation: string; payload: object }[] }>(
      "select changes from move_batches where changes is not null",
    );
    return rows.flatMap(({ changes }) => changes.map(({ payload }) => payload));
  };

  beforeEach(async () => {
    await sql.query("delete from workflow_counters where definition_id = 'wf_counted'");
    await sql.query(
      `insert into workflow_definitions (id, workspace_id, name, description, tags)
      values ('wf_counted', 'ws', 'counted', '', '{}') on conflict do nothing`,
    );
  });

  it("is added once, however often the batch is marked", async () => {
    await mark("one", endAs("SUCCEEDED"), endAs("SUCCEEDED"), endAs("FAILED"));
    await mark("one", endAs("SUCCEEDED"), endAs("SUCCEEDED"), endAs("FAILED"));
    const sums = [
      { name: "FAILED", runs: 1, cost: 0.5, ms: 100 },
      { name: "SUCCEEDED", runs: 2, cost: 1, ms: 200 },
    ];
    expect(await counted()).toEqual(sums);
    // The sum of all days.
    expect(await counted(0)).toEqual(sums);
  });

  it("is added by the holder of the lease alone", async () => {
    await mark("two", endAs("SUCCEEDED"));
    expect(await counted()).toEqual([]);
    await mark("one", endAs("SUCCEEDED"));
    expect(await counted()).toMatchObject([{ runs: 1 }]);
  });

  it("is not added again when the stream lost its events", async () => {
    await mark("one", endAs("SUCCEEDED"));
    const until = new Date(Date.now() + 60_000);
    expect(await publishAgain(at.database, { partitions: [7], after: new Date(0), until })).toBe(1);
    expect(await isMarked()).toBe(false);
    await mark("one", endAs("SUCCEEDED"));
    expect(await isMarked()).toBe(true);
    expect(await counted()).toMatchObject([{ runs: 1 }]);
  });

  it("is taken from an earlier end", async () => {
    await mark("one", endAs("FAILED"));
    await another();
    await mark("one", endAs("FAILED", -1), endAs("COMPENSATED"));
    expect((await counted()).filter(({ runs }) => runs > 0)).toEqual([
      { name: "COMPENSATED", runs: 1, cost: 0.5, ms: 100 },
    ]);
  });

  it("is reported once a day where more than 10 % of 10 runs failed, by whichever replica", async () => {
    await mark("one", endAs("SUCCEEDED", 8), endAs("FAILED"));
    expect(await reports()).toEqual([]);
    await another();
    await letGoPartitions(at.database, "one");
    await takePartitions(at.database, "two", PARTITIONS);
    await mark("two", endAs("TIMED_OUT"));
    const report = {
      ...{ definition_id: "wf_counted", workspace_id: "ws", name: "counted" },
      ...{ day: "2024-10-04", ended_runs: 10, failed_runs: 2 },
    };
    expect(await reports()).toEqual([report]);
    await another();
    await mark("two", endAs("FAILED"));
    expect(await reports()).toEqual([report]);
  });

  it("is not reported at 10 % exactly", async () => {
    await mark("one", endAs("SUCCEEDED", 9), endAs("FAILED"));
    expect(await reports()).toEqual([]);
  });
});

describe("the partitions", () => {
  const take = (holder: string) => takePartitions(at.database, holder, PARTITIONS);
  const [lower, upper] = [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ];

  it("are all the first replica's, until it lets go of some for another that shows itself", async () => {
    expect(await take("two")).toMatchObject({ partitions: [], others: ["one"] });
    expect(await take("one")).toMatchObject({ partitions: [...lower, ...upper], others: [] });
    await showReplica(at.database, "two", PARTITIONS);
    const { partitions, others, untilMs } = await take("one");
    expect({ partitions, others }).toEqual({ partitions: [...lower, ...upper], others: ["two"] });
    await letGoPartitions(at.database, "one", { partitions: upper, untilMs });
    // It has its share, and leaves the others to the other replica.
    expect((await take("one")).partitions).toEqual(lower);
    expect(await take("two")).toMatchObject({ partitions: upper, others: ["one"] });
    expect(await take("three")).toMatchObject({ partitions: [], others: ["one", "two"] });
  });

  it("of a replica whose leases have ended are the other's, which is alone then", async () => {
    await showReplica(at.database, "two", PARTITIONS);
    await letGoPartitions(at.database, "one");
    expect(await take("two")).toMatchObject({ partitions: [...lower, ...upper], others: [] });
  });

  it("are not let go by a statement that comes after their lease was renewed", async () => {
    const { untilMs } = await take("one");
    await until(async () => (await take("one")).untilMs > untilMs || undefined);
    await letGoPartitions(at.database, "one", { partitions: upper, untilMs });
    await showReplica(at.database, "two", PARTITIONS);
    expect((await take("two")).partitions).toEqual([]);
  });

  it("show one of the replicas that hold none", async () => {
    await showReplica(at.database, "two", PARTITIONS);
    await showReplica(at.database, "three", PARTITIONS);
    expect((await take("one")).others).toEqual(["two"]);
    await letGoPartitions(at.database, "two");
    await showReplica(at.database, "three", PARTITIONS);
    expect((await take("one")).others).toEqual(["three"]);
  });
});

describe("the highest sequence that the stream acknowledged", () => {
  const mark = { created: "now", seq: 3 };
  const highest = async () => (await findNewestMark(at.database, ACKED.stream))?.highest;

  beforeEach(async () => {
    await addStreamMark(at.database, ACKED.stream, { ...mark, at: new Date(0) });
  });

  it("is noted by the holder", async () => {
    await markPublished(at.database, "one", [batch], ACKED);
    expect(await highest()).toBe(ACKED.seq);
    await markPublished(at.database, "one", [batch], { ...ACKED, seq: 12 });
    expect(await highest()).toBe(12);
    expect((await findNewestMark(at.database, "OTHER"))?.highest).toBe(undefined);
  });

  it("is not noted where nothing is marked, or nothing was acknowledged", async () => {
    await markPublished(at.database, "two", [batch], ACKED);
    await markPublished(at.database, "one", [batch], { ...ACKED, seq: 0 });
    expect(await highest()).toBe(mark.seq);
  });

  it("does not count behind a later mark", async () => {
    await markPublished(at.database, "one", [batch], ACKED);
    // The note's time is rounded up to the millisecond, this one down.
    const later = new Date((await readClock(at.database.read)).getTime() + 2);
    await addStreamMark(at.database, ACKED.stream, { ...mark, at: later });
    expect(await highest()).toBe(mark.seq);
  });
});
