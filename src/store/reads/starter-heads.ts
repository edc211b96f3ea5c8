/** What starts runs of workflows, in few words: for a page of workflows in one statement. Boundary: rows as they are stored. */
import type { Queries } from "../database.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** The kinds, in the order in which they are shown. */
type StarterKind = "trigger" | "schedule" | "endpoint";

/** One starter. */
export interface StarterHead {
  readonly definitionId: string;
  readonly kind: StarterKind;
  /** Of a trigger the definition's. */
  readonly id: string;
  /** A line, or the name of an endpoint. */
  readonly line: string;
  readonly isPaused: boolean;
}

/** Of each kind of a workflow. */
const OF_A_KIND = 20;

const FIND = seenWithin(
  "find_starter_heads",
  (condition) => `select d.id as "definitionId", s.kind, s.id, s.line, s.paused as "isPaused"
    from workflow_definitions d
    cross join lateral (
      (select 'trigger' as kind, definition_id as id, cron_line as line, false as paused
        from schedules where definition_id = d.id)
      union all
      (select 'schedule', id, line, is_paused from workflow_schedules
        where definition_id = d.id order by id limit ${OF_A_KIND})
      union all
      (select 'endpoint', id, name, false from workflow_endpoints
        where definition_id = d.id order by id limit ${OF_A_KIND})
    ) s
    where d.id = any($1::text[]) and ${condition}`,
  "d.workspace_id = $2",
);

/** The starters of these definitions, of each kind the first 20, by the ids of definitions. */
export async function findStarterHeads(
  db: Queries,
  visibility: Visibility,
  definitionIds: readonly string[],
): Promise<ReadonlyMap<string, readonly StarterHead[]>> {
  const found = new Map<string, StarterHead[]>();
  if (definitionIds.length === 0) return found;
  const rows = await querySeen<{ [Key in keyof StarterHead]: StarterHead[Key] }>(
    db,
    visibility,
    FIND,
    [definitionIds],
  );
  for (const row of rows) {
    const heads = found.get(row.definitionId) ?? [];
    heads.push(row);
    found.set(row.definitionId, heads);
  }
  return found;
}
