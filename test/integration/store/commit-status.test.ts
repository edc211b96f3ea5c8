/** What a transaction's id says of it, and what only its rows say. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CommittedMove, findCommitStatus } from "../../../src/store/commit-status.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import { freshDatabase, type TestDatabase } from "../../support/servers/database.ts";

const MOVE: CommittedMove = {
  runId: "wfr_1",
  seq: 3,
  batchId: 7,
  recordedAt: new Date("2026-01-02T03:04:05.678Z"),
};

let fresh: TestDatabase;
let database: Database;
let sql: pg.Client;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase({ url: fresh.url, log: { warn() {} } });
  sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await database.close();
  await fresh.drop();
});

async function write(move: CommittedMove, end: "commit" | "rollback"): Promise<string> {
  await sql.query("begin");
  await sql.query(
    `insert into run_moves (run_id, seq, batch_id, recorded_at, cause, moves)
     values ($1, $2, $3, $4, '[]', '[]')`,
    [move.runId, move.seq, move.batchId, move.recordedAt],
  );
  const { rows } = await sql.query("select pg_current_xact_id()::text as id");
  await sql.query(end);
  return rows[0].id;
}

const statusOf = (transactionId: string, move?: CommittedMove) =>
  findCommitStatus(database.read, { transactionId, move });

it("is that of the server, where the transaction's row is there", async () => {
  expect(await statusOf(await write(MOVE, "rollback"), MOVE)).toBe("aborted");
  const transactionId = await write(MOVE, "commit");
  expect(await statusOf(transactionId, MOVE)).toBe("committed");
  expect(await statusOf(transactionId)).toBe("committed");
});

it.each<[string, Partial<CommittedMove>]>([
  ["another run", { runId: "wfr_2" }],
  ["another row of the run", { seq: 4 }],
  ["another batch", { batchId: 8 }],
  ["another time", { recordedAt: new Date("2026-01-02T03:04:05.679Z") }],
])("is aborted where a crash gave its id to one that wrote %s", async (_, more) => {
  const runId = `wfr_${Math.random()}`;
  const transactionId = await write({ ...MOVE, runId }, "commit");
  expect(await statusOf(transactionId, { ...MOVE, runId, ...more })).toBe("aborted");
});

it("is aborted where a crash has left its id to be given again", async () => {
  const last = BigInt(await write({ ...MOVE, runId: "wfr_last" }, "commit"));
  expect(await statusOf(String(last + 1_000_000n), MOVE)).toBe("aborted");
});
