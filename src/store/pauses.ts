/**
 * Pauses of workflows. Boundary: rows; what a pause keeps from starting is decided by who reads it (event-readers.ts, due-schedules.ts,
 * reads/definition-heads.ts).
 */
import type { Statement, Tx } from "./database.ts";

/** A pause. */
export interface PauseRow {
  readonly pausedAt: Date;
  /** Triggers that were missed in it, and those of them that are queued. */
  readonly missed: number;
  readonly queued: number;
  readonly keptBytes: number;
  /** 0: triggers are dropped. */
  readonly queueSeconds: number;
  readonly definitionId: string;
  readonly workspaceId: string;
  readonly pausedBy: string;
  readonly reason: string;
}

/** A pause that was ended. */
export interface EndedPause extends PauseRow {
  readonly endedAt: Date;
}

/** What a caller says of a pause. */
export type NewPause = Omit<PauseRow, "pausedAt" | "missed" | "queued">;

const COLUMNS = `paused_at as "pausedAt", missed, queued, kept_bytes as "keptBytes", queue_seconds as "queueSeconds",
      definition_id as "definitionId", workspace_id as "workspaceId", paused_by as "pausedBy", reason`;
const PUT: Statement = {
  name: "put_workflow_pause",
  text: `insert into workflow_pauses as p
      (definition_id, workspace_id, paused_by, reason, queue_seconds, kept_bytes, missed, queued, paused_at)
    values ($1, $2, $3, $4, $5, $6, 0, 0, clock_timestamp())
    on conflict (definition_id) do update set paused_by = excluded.paused_by, reason = excluded.reason,
      queue_seconds = excluded.queue_seconds, kept_bytes = excluded.kept_bytes
    returning ${COLUMNS}`,
};
const END: Statement = {
  name: "end_workflow_pause",
  text: `delete from workflow_pauses where definition_id = $1
    returning ${COLUMNS}, clock_timestamp() as "endedAt"`,
};
// In the order of the ids, so that two batches never wait for each other in a circle.
const LOCK: Statement = {
  name: "lock_workflow_pauses",
  text: `select ${COLUMNS} from workflow_pauses where definition_id = any($1::text[])
    order by definition_id for update`,
};
const COUNT: Statement = {
  name: "count_missed_triggers",
  text: `update workflow_pauses p set missed = p.missed + v.missed, queued = p.queued + v.queued,
      kept_bytes = p.kept_bytes + v.bytes
    from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) as v(definition_id, missed, queued, bytes)
    where p.definition_id = v.definition_id`,
};

/** Pauses a workflow; of one that is paused the reason and what becomes of triggers are changed. */
export async function putPause(tx: Tx, pause: NewPause): Promise<PauseRow> {
  const { definitionId, workspaceId, pausedBy, reason, queueSeconds, keptBytes } = pause;
  const values = [definitionId, workspaceId, pausedBy, reason, queueSeconds, keptBytes];
  const [row] = await tx.query<PauseRow & Record<string, unknown>>(PUT, values);
  if (row === undefined) throw new Error("an insert gave no row");
  return row;
}

/** Ends a pause; undefined: there is none. */
export async function endPause(tx: Tx, definitionId: string): Promise<EndedPause | undefined> {
  const [row] = await tx.query<EndedPause & Record<string, unknown>>(END, [definitionId]);
  return row;
}

/** The pauses of these definitions, each locked until the transaction ends. */
export async function lockPauses(
  tx: Tx,
  definitionIds: readonly string[],
): Promise<Map<string, PauseRow>> {
  const ids = [...new Set(definitionIds)];
  const rows = await tx.query<PauseRow & Record<string, unknown>>(LOCK, [ids]);
  return new Map(rows.map((row) => [row.definitionId, row]));
}

/** What was missed in a pause. */
export interface MissedCount {
  readonly definitionId: string;
  readonly missed: number;
  readonly queued: number;
  readonly bytes: number;
}

/** Adds to the counts of locked pauses. */
export async function countMissed(tx: Tx, counts: readonly MissedCount[]): Promise<void> {
  await tx.query(COUNT, [
    counts.map(({ definitionId }) => definitionId),
    counts.map(({ missed }) => missed),
    counts.map(({ queued }) => queued),
    counts.map(({ bytes }) => bytes),
  ]);
}
