/**
 * Starts by event: which run an event has started, once for each definition.
 * Boundary: claims are written with the run (see save-batch.ts); here they are locked and looked up.
 */
import type { Queries, Statement, Tx } from "./database.ts";

/** A definition and the event that starts a run of it. */
export interface WantedStart {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly eventId: string;
}

/** A start that was claimed; a `source` of "" equals every source. */
export interface ClaimedStart extends WantedStart {
  readonly source: string;
  readonly runId: string;
}

/** How long a start lives at least; with its run it lives longer. */
export const START_DAYS = 30;

const LOCK: Statement = {
  name: "lock_starts",
  text: `select definition_id as "definitionId", event_id as "eventId"
    from (select distinct * from unnest($1::text[], $2::text[])) as v(definition_id, event_id)
    where pg_try_advisory_xact_lock(hashtextextended(definition_id || chr(31) || event_id, 0))`,
  withBegin: true,
};
const FIND: Statement = {
  name: "find_starts",
  text: `select s.workspace_id as "workspaceId", s.event_id as "eventId",
      s.definition_id as "definitionId", s.source, s.run_id as "runId"
    from (select distinct * from unnest($1::text[], $2::text[])) as v(workspace_id, event_id)
    join run_starts s on s.workspace_id = v.workspace_id and s.event_id = v.event_id`,
  withBegin: true,
};

const DELETE_STARTS: Statement = {
  name: "delete_left_starts",
  text: `with gone as (
      delete from run_starts where ctid = any(array(
        select ctid from run_starts
        where run_deleted_at is not null and created_at < now() - make_interval(days => ${START_DAYS})
        order by created_at limit $1::integer for update skip locked))
      returning 1
    ) select count(*)::integer as dropped from gone`,
};

/**
 * Keeps others from making these starts until the transaction ends; gives those for which that is so. The others are
 * being made elsewhere: nothing waits for them here.
 */
export function lockStarts(
  tx: Tx,
  starts: readonly WantedStart[],
): Promise<Pick<WantedStart, "definitionId" | "eventId">[]> {
  const columns = [starts.map((start) => start.definitionId), starts.map((start) => start.eventId)];
  return tx.query(LOCK, columns);
}

/** Every start that the events of these made, of any definition. */
export function findStarts(db: Queries, starts: readonly WantedStart[]): Promise<ClaimedStart[]> {
  const columns = [starts.map((start) => start.workspaceId), starts.map((start) => start.eventId)];
  return db.query<ClaimedStart>(FIND, columns);
}

/** Deletes at most `limit` starts whose run is gone and that are older than 30 days; gives how many went. */
export async function dropLeftStarts(tx: Tx, limit: number): Promise<number> {
  const [row] = await tx.query<{ dropped: number }>(DELETE_STARTS, [limit]);
  return row?.dropped ?? 0;
}
