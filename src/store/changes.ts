/**
 * Events of definitions, versions and workflows, appended to the outbox as they will be published, and those of workflows to what is
 * watched.
 * Boundary: runs' events go with their moves (see save-batch.ts).
 * Invariant: changes of a workspace are numbered in the order of their commits and without gaps. For that the last statement of a
 * transaction appends them: it locks the row of the workspace's number until the commit.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Statement, Tx } from "./database.ts";

const APPEND: Statement = {
  name: "append_changes",
  text: "insert into move_batches (partition, changes) values ($1, $2::json) returning id",
};
const APPEND_WATCHED: Statement = {
  name: "append_watched_changes",
  text: `with logged as materialized (
      select each.change, each.place from json_array_elements($3::json) with ordinality as each(change, place)),
    head as (
      insert into workflow_change_heads as h (workspace_id, seq) select $4::text, count(*) from logged
      on conflict (workspace_id) do update set seq = h.seq + excluded.seq returning seq),
    kept as (
      insert into workflow_changes (workspace_id, seq, recorded_at, change)
      select $4::text, head.seq - (select count(*) from logged) + logged.place, clock_timestamp(), logged.change
      from head cross join logged)
    insert into move_batches (partition, changes) values ($1, $2::json) returning id`,
};

/** How long a change can be watched. */
const CHANGE_DAYS = 30;
const DELETE_OLD: Statement = {
  name: "delete_old_changes",
  text: `with gone as (
      delete from workflow_changes where ctid = any(array(
        select ctid from workflow_changes where recorded_at < now() - make_interval(days => ${CHANGE_DAYS})
        order by recorded_at limit $1::integer))
      returning 1
    ) select count(*)::integer as dropped from gone`,
};

/** Appends events of one workspace to a partition's outbox; gives the id of their row in move_batches. The transaction does nothing else then. */
export async function appendChange(
  tx: Tx,
  partition: number,
  changes: readonly JsonObject[],
): Promise<number> {
  const watched = changes.filter(({ aggregateType }) => aggregateType === "workflow");
  const [{ workspaceId } = {}] = watched;
  const values: unknown[] = [partition, JSON.stringify(changes)];
  const [row] =
    workspaceId === undefined
      ? await tx.query<{ id: number }>(APPEND, values)
      : await tx.query<{ id: number }>(APPEND_WATCHED, [
          ...values,
          JSON.stringify(watched),
          workspaceId,
        ]);
  if (row === undefined) throw new Error("an insert gave no row");
  return row.id;
}

/** Deletes at most `limit` changes that are older than 30 days; gives how many went. */
export async function dropOldChanges(tx: Tx, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DELETE_OLD, [limit]);
  return row?.dropped ?? 0;
}
