/**
 * Workflows of which no run may begin: the mark, and the lock by which it is set.
 * Boundary: rows and locks; who is archived or deleted is decided by runtime/workflows.ts.
 * Invariants:
 * 1. A statement that inserts runs locks rows of this table (save-batch.ts), so it has the table's ROW SHARE lock from before its
 *    snapshot to the end of its transaction. Whoever has the EXCLUSIVE lock has waited for those under way; the next ones see the
 *    mark. Readers and backups are in nobody's way.
 * 2. The lock is waited for half a second at most: meanwhile starts wait behind it.
 * 3. It comes after the lock of the definition. A start takes no lock of definitions.
 */
import type { Queries, Statement, Tx } from "./database.ts";

/** Why no run may begin. */
export type WhyClosed = "archived" | "deleted";

/** A start that was on its way when its workflow was deleted has come or gone by then. */
const DELETED_DAYS = 30;

const WAIT_SHORTLY: Statement = {
  name: "wait_shortly",
  text: "select set_config('lock_timeout', '500ms', true)",
};
const LOCK: Statement = {
  name: "lock_closed_workflows",
  text: "lock table closed_workflows in exclusive mode",
};
const CLOSE: Statement = {
  name: "close_workflow",
  text: `with old as (delete from closed_workflows
      where why = 'deleted' and closed_at < now() - make_interval(days => ${DELETED_DAYS}))
    insert into closed_workflows (definition_id, closed_at, why) values ($1, clock_timestamp(), $2)
    on conflict (definition_id) do update set closed_at = excluded.closed_at, why = excluded.why
    returning closed_at as "closedAt"`,
};
const OPEN: Statement = {
  name: "open_workflow",
  text: "delete from closed_workflows where definition_id = $1 and why = 'archived'",
};
const FIND: Statement = {
  name: "find_closed_workflows",
  text: `select definition_id as "definitionId", why from closed_workflows where definition_id = any($1::text[])`,
};

/** Waits for the starts under way, and keeps others waiting until the transaction ends. Rejects with a lost race. */
export async function lockStartsOfAll(tx: Tx): Promise<void> {
  await tx.query(WAIT_SHORTLY, []);
  await tx.query(LOCK, []);
}

/** Lets no run of the workflow begin; the transaction has the lock. Forgets what was deleted long ago. Gives the time. */
export async function closeWorkflow(tx: Tx, definitionId: string, why: WhyClosed): Promise<Date> {
  const [row] = await tx.query<{ closedAt: Date }>(CLOSE, [definitionId, why]);
  if (row === undefined) throw new Error("an upsert gave no row");
  return row.closedAt;
}

/** Lets runs of an archived workflow begin again. */
export async function openWorkflow(tx: Tx, definitionId: string): Promise<void> {
  await tx.query(OPEN, [definitionId]);
}

/** Those of the workflows of which no run may begin. */
export async function findClosed(
  db: Queries,
  definitionIds: readonly string[],
): Promise<Map<string, WhyClosed>> {
  const rows = await db.query<{ definitionId: string; why: WhyClosed }>(FIND, [definitionIds]);
  return new Map(rows.map(({ definitionId, why }) => [definitionId, why]));
}
