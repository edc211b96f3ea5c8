/** What a small commit, and an answer about one run, read beside stored runs: they look rows up, and scan no table. */
import pg from "pg";
import { expect, it } from "vitest";
import { createLog } from "../../../src/process/log.ts";
import { openDatabase } from "../../../src/store/database.ts";
import { findManyRunRows } from "../../../src/store/reads/many-runs.ts";
import { EVERY_WORKSPACE } from "../../../src/store/reads/visibility.ts";
import { transitioned } from "../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { freshDatabase } from "../../support/servers/database.ts";
import { openProcessor, publish, startOf } from "../../support/services/processor.ts";

const STORED = 4_000;
/** More than a connection plans by the values before it plans once for all. */
const COMMITS = 30;
const RPC = { kind: "rpc", id: "test" } as const;
/** More than a connection plans by the values before it plans once for all. */
const ANSWERS = 30;
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

/** Resolves when so many connections are open besides this one: one that has ended has said what it read. */
async function connectionsLeft(sql: pg.Client, count: number): Promise<void> {
  const read = async () =>
    (
      await sql.query(`select 1 from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`)
    ).rowCount;
  await expect.poll(read, { timeout: 10_000 }).toBe(count);
}

async function scannedOfRuns(sql: pg.Client): Promise<number> {
  const { rows } = await sql.query<{ scanned: number }>(`select sum(seq_tup_read)::int as scanned
    from pg_stat_user_tables where relname in ('workflow_runs', 'step_runs')`);
  return rows[0]?.scanned ?? 0;
}

it("an answer reads no table from end to end, also by a plan that is older than all runs", async () => {
  const { url, drop } = await freshDatabase();
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  const log = createLog({ level: "error", format: "pretty" });
  const answering = openDatabase({ url, log });
  try {
    // Statistics make a connection plan anew.
    for (const table of ["workflow_runs", "step_runs"]) {
      await sql.query(`alter table ${table} set (autovacuum_enabled = off)`);
    }
    const read = (runId: string) =>
      findManyRunRows(answering.callers, EVERY_WORKSPACE, [runId]).then((runs) => runs.get(runId));
    for (let times = 0; times < ANSWERS; times += 1) await read("none");
    const writing = openProcessor(url);
    const spec = versionOf([stepOf("task", { stepType: "HUMAN_TASK", name: "task" })]);
    const start = startOf(await publish(writing.database, "stored", spec));
    const runs = await Promise.all(
      Array.from({ length: STORED }, () =>
        writing.processor.submit({ kind: "start", start, cause: RPC }),
      ),
    );
    await writing.stop();
    await connectionsLeft(sql, 1);
    const before = await scannedOfRuns(sql);
    for (const { runId } of runs.slice(0, ANSWERS)) {
      expect((await read(runId))?.steps.size).toBe(1);
    }
    await answering.close();
    await connectionsLeft(sql, 0);
    expect(await scannedOfRuns(sql)).toBe(before);
  } finally {
    await answering.close().catch(() => undefined);
    await sql.end();
    await drop();
  }
});
