/** What a small commit reads beside stored runs: it looks its rows up, and reads no table from end to end. */
import pg from "pg";
import { expect, it } from "vitest";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { freshDatabase } from "../../support/servers/database.ts";
import { openProcessor, publish, startOf } from "../../support/services/processor.ts";

const STORED = 4_000;
/** More than a connection plans by the values before it plans once for all. */
const COMMITS = 30;
const RPC = { kind: "rpc", id: "test" } as const;
const READ = `select sum(seq_tup_read)::int as scanned,
    (sum(n_tup_ins) filter (where relname = 'run_moves'))::int as moves
  from pg_stat_user_tables where relname in ('workflow_runs', 'step_runs', 'run_moves')`;

/** Rows that were scanned so far. A connection says what it did as it ends: all are waited for, by the moves they wrote. */
async function scannedRows(sql: pg.Client, moves: number): Promise<number> {
  const read = async () =>
    (await sql.query<{ scanned: number; moves: number }>(READ)).rows[0] ?? { scanned: 0, moves: 0 };
  await expect.poll(async () => (await read()).moves, { timeout: 10_000 }).toBe(moves);
  return (await read()).scanned;
}

it("a commit of one run reads no table from end to end", async () => {
  const { url, drop } = await freshDatabase();
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  try {
    const first = openProcessor(url);
    const spec = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);
    const version = await publish(first.database, "stored", spec);
    const start = startOf(version);
    const runs = await Promise.all(
      Array.from({ length: STORED }, () =>
        first.processor.submit({ kind: "start", start, cause: RPC }),
      ),
    );
    await first.stop();
    await sql.query("vacuum analyze");
    const before = await scannedRows(sql, STORED);
    const second = openProcessor(url);
    for (const { runId } of runs.slice(0, COMMITS)) {
      const input = transitioned("task", "COMPLETED", { output: {} });
      await second.processor.submit({ kind: "input", runId, workspaceId: "", input });
    }
    await second.stop();
    expect(await scannedRows(sql, STORED + COMMITS)).toBe(before);
  } finally {
    await sql.end();
    await drop();
  }
});
