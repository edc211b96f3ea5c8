/**
 * Starts by event: which run an event has started, once for each definition.
 * Boundary: claims are written with the run (see save-batch.ts); here they are locked and looked up.
 */
import type { Statement, Tx } from "./database.ts";

/** An event as starts know it. */
export interface StartingEvent {
  readonly workspaceId: string;
  readonly eventId: string;
}

/** A start that was claimed; a `source` of "" equals every source. */
export interface ClaimedStart extends StartingEvent {
  readonly definitionId: string;
  readonly source: string;
  readonly runId: string;
}

// In order of the key, so that two batches that want the same events never wait for each other in a circle.
const LOCK: Statement = {
  name: "lock_starts",
  text: `select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(workspace_id || chr(31) || event_id, 0) as key
      from unnest($1::text[], $2::text[]) as v(workspace_id, event_id) order by key) as keys`,
};
const FIND: Statement = {
  name: "find_starts",
  text: `select s.workspace_id as "workspaceId", s.event_id as "eventId",
      s.definition_id as "definitionId", s.source, s.run_id as "runId"
    from (select distinct * from unnest($1::text[], $2::text[])) as v(workspace_id, event_id)
    join run_starts s on s.workspace_id = v.workspace_id and s.event_id = v.event_id`,
};

/** Keeps others from starting runs by these events until the transaction ends; waits for those who do. */
export async function lockStarts(tx: Tx, events: readonly StartingEvent[]): Promise<void> {
  await tx.query(LOCK, columnsOf(events));
}

/** Every start that these events made. */
export function findStarts(tx: Tx, events: readonly StartingEvent[]): Promise<ClaimedStart[]> {
  return tx.query<ClaimedStart>(FIND, columnsOf(events));
}

function columnsOf(events: readonly StartingEvent[]): string[][] {
  return [events.map((event) => event.workspaceId), events.map((event) => event.eventId)];
}
