/** Marks of published batches on Postgres: only the holder of a partition's lease sets them. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { PARTITIONS } from "../../../src/runtime/partition.ts";
import {
  letGoPartitions,
  listUnpublished,
  markPublished,
  takePartitions,
  type UnpublishedBatch,
} from "../../../src/store/outbox.ts";
import { startProcessor, type TestProcessor } from "../../support/services/processor.ts";

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
  await sql.query("delete from partition_leases; delete from move_batches");
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
  await markPublished(at.database, "one", [batch]);
  expect(await isMarked()).toBe(true);
});

it("are not set by a replica whose partitions another one has taken since", async () => {
  await letGoPartitions(at.database, "one");
  await takePartitions(at.database, "two", PARTITIONS);
  await markPublished(at.database, "one", [batch]);
  expect(await isMarked()).toBe(false);
  await markPublished(at.database, "two", [batch]);
  expect(await isMarked()).toBe(true);
});

it("are not set when the lease has ended, though no other replica has taken it", async () => {
  await letGoPartitions(at.database, "one");
  await markPublished(at.database, "one", [batch]);
  expect(await isMarked()).toBe(false);
});
