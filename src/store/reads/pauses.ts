/** Pauses of workflows, and their missed triggers, for callers. Boundary: rows as they are stored; a batch of definitions at once. */
import type { Queries } from "../database.ts";
import type { PauseRow } from "../pauses.ts";
import { COUNT_LIMIT } from "./page.ts";
import {
  querySeen,
  seenDefinition,
  seenStatement,
  seenWithin,
  type Visibility,
} from "./visibility.ts";

export type { PauseRow } from "../pauses.ts";

/** A missed trigger as it is listed. */
export interface MissedRow {
  readonly seq: number;
  readonly missedAt: Date;
  readonly queuedUntil: Date | null;
  readonly state: number;
  readonly eventId: string;
  readonly source: string;
  readonly triggerType: string;
  readonly pauseReason: string;
  readonly runId: string | null;
  readonly problem: string | null;
  readonly canStart: boolean;
}

const FIND = seenStatement(
  {
    name: "find_workflow_pauses",
    text: `select p.paused_at as "pausedAt", p.missed, p.queued, p.kept_bytes as "keptBytes",
      p.queue_seconds as "queueSeconds", p.definition_id as "definitionId", p.workspace_id as "workspaceId",
      p.paused_by as "pausedBy", p.reason
    from workflow_pauses p where p.definition_id = any($1::text[])`,
  },
  "p.workspace_id = $2",
);
const LIST = seenWithin(
  "list_missed_triggers",
  (
    condition,
  ) => `select m.seq, m.missed_at as "missedAt", m.queued_until as "queuedUntil", m.state, m.event_id as "eventId",
      m.source, m.trigger_type as "triggerType", m.pause_reason as "pauseReason", m.run_id as "runId", m.problem,
      m.start is not null as "canStart"
    from missed_triggers m
    where m.definition_id = (${seenDefinition(condition)}) and m.seq < $2::bigint
      and ($3::smallint = 0 or m.state = $3)
    order by m.seq desc limit $4::integer`,
  "d.workspace_id = $5",
);
const COUNT = seenWithin(
  "count_listed_missed_triggers",
  (condition) => `select count(*)::integer as total from (
      select 1 from missed_triggers m
      where m.definition_id = (${seenDefinition(condition)}) and ($2::smallint = 0 or m.state = $2)
      limit ${COUNT_LIMIT}) as counted`,
  "d.workspace_id = $3",
);

/** The pauses of these definitions, by their ids; those that are not paused are absent. */
export async function findPauses(
  db: Queries,
  visibility: Visibility,
  definitionIds: readonly string[],
): Promise<Map<string, PauseRow>> {
  if (definitionIds.length === 0) return new Map();
  const rows = await querySeen<PauseRow & Record<string, unknown>>(db, visibility, FIND, [
    definitionIds,
  ]);
  return new Map(rows.map((row) => [row.definitionId, row]));
}

/** Missed triggers of a definition with a smaller number, newest first; of every state where `state` is 0. */
export function listMissed(
  db: Queries,
  visibility: Visibility,
  { definitionId, state }: { readonly definitionId: string; readonly state: number },
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
): Promise<MissedRow[]> {
  const values = [definitionId, before ?? Number.MAX_SAFE_INTEGER, state, limit];
  return querySeen<MissedRow & Record<string, unknown>>(db, visibility, LIST, values);
}

/** How many there are; exact to 10,000. */
export async function countMissedTriggers(
  db: Queries,
  visibility: Visibility,
  { definitionId, state }: { readonly definitionId: string; readonly state: number },
): Promise<number> {
  const values = [definitionId, state];
  const [row] = await querySeen<{ total: number }>(db, visibility, COUNT, values);
  return row?.total ?? 0;
}
