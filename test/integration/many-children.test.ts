/** A `for_each` of many items: what is written for each does not grow with their number, and it ends in bounded time. */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { expect, it } from "vitest";
import { until } from "../support/assertions/until.ts";
import { stepOf, triggerOf, versionOf } from "../support/builders/version-spec.ts";
import { freshDatabase } from "../support/servers/database.ts";
import { startParentService } from "../support/services/parent-service.ts";

const BY_WORKFLOW = { trigger: triggerOf({ triggerType: "WORKFLOW" }) };
/** Ends as it begins: it has a list without items. */
const AT_ONCE = stepOf("done", {
  agentId: "",
  config: { workflow: { name: "nobody", for_each: "[]" } },
});

/** A slow machine makes smaller batches, a row each, and renews leases of calls: neither grows with the items. */
const WRITES = `
  select (select sum(n_tup_ins + n_tup_del + case relname when 'effects' then 0 else n_tup_upd end)
      from pg_stat_user_tables where relname <> 'move_batches')::int as writes,
    (select max(pg_column_size(detail)) from step_runs)::int as bytes`;

const OTHERS = `
  select 1 from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;

interface Played {
  /** Rows inserted, updated and deleted, for each item. */
  readonly rowsPerItem: number;
  readonly detailBytes: number;
  readonly tookMs: number;
}

async function play(items: number): Promise<Played> {
  const { url, drop } = await freshDatabase();
  const at = startParentService(url);
  const sql = new pg.Client({ connectionString: url });
  try {
    await at.publish("child", versionOf([AT_ONCE], [], BY_WORKFLOW));
    const workflow = { name: "child", for_each: "list", max_parallel: 50 };
    const step = stepOf("call", { agentId: "", config: { workflow } });
    const version = await at.publish("parent", versionOf([step]));
    const list = Array.from({ length: items }, (_, item) => item);
    const begunMs = performance.now();
    const parent = await at.start(version, { input: { list } });
    await sql.connect();
    await endOf(sql, parent);
    const tookMs = performance.now() - begunMs;
    const { output } = await at.view(parent);
    expect(output?.items).toHaveLength(items);
    const ids = (await at.step(parent, "call")).output?.run_ids;
    expect(new Set(Array.isArray(ids) ? ids : []).size).toBe(items);
    await at.quiet();
    await at.stop();
    await until(() => haveOthersLeft(sql));
    const { rows } = await sql.query(WRITES);
    return { rowsPerItem: rows[0].writes / items, detailBytes: rows[0].bytes, tookMs };
  } finally {
    await sql.end();
    await drop();
  }
}

/** Postgres reports the counts of a connection when its process ends, some time after the client has closed it. */
async function haveOthersLeft(sql: pg.Client): Promise<true | undefined> {
  const { rows } = await sql.query(OTHERS);
  return rows.length === 0 ? true : undefined;
}

/** Polls rarely, because a query of all children is slow. */
async function endOf(sql: pg.Client, runId: string): Promise<void> {
  const text = "select state from workflow_runs where id = $1";
  for (;;) {
    const { rows } = await sql.query(text, [runId]);
    if (rows[0]?.state !== "RUNNING") return;
    await delay(50);
  }
}

it("writes as much for each of 1,000 items as for each of 100", { timeout: 60_000 }, async () => {
  const few = await play(100);
  const many = await play(1_000);
  expect(many.rowsPerItem / few.rowsPerItem).toBeLessThan(1.3);
  expect(many.detailBytes).toBeLessThan(few.detailBytes + 50);
  expect(many.tookMs).toBeLessThan(45_000);
});
