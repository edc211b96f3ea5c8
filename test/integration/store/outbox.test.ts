/** Marks of published batches on Postgres: only the holder of a partition's lease sets them. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PARTITIONS } from "../../../src/runtime/partition.ts";
import {
  letGoPartitions,
  listUnpublished,
  markPublished,
  showReplica,
  takePartitions,
  type UnpublishedBatch,
} from "../../../src/store/outbox.ts";
import { readClock } from "../../../src/store/service-reads/clock.ts";
import { addStreamMark, findNewestMark } from "../../../src/store/stream-marks.ts";
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
