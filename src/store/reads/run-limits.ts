/** Limits of workflows, and how a run stands that waits for its turn, for callers. Boundary: rows as they are stored. */
import type { RunLimit } from "../../engine/values/run-limit.ts";
import type { Queries } from "../database.ts";
import { limitOfRow } from "../run-limits.ts";
import { querySeen, seenStatement, type Visibility } from "./visibility.ts";

/** How a run stands that waits. */
export interface RunTurn {
  /** Null: the workflow has no limit any more. */
  readonly maxOpenRuns: number | null;
  /** Runs of its key that wait and came before it, 1,000 at most. */
  readonly ahead: number;
}

interface LimitRow {
  readonly definitionId: string;
  readonly maxOpenRuns: number;
  readonly whenFull: number;
  readonly concurrencyKey: string;
}

const FIND = seenStatement(
  {
    name: "find_workflow_limits",
    text: `select definition_id as "definitionId", max_open_runs as "maxOpenRuns", when_full as "whenFull",
      concurrency_key as "concurrencyKey"
    from unnest($1::text[]) as wanted(id)
    cross join lateral (select * from workflow_limits where definition_id = wanted.id offset 0) as l where max_open_runs > 0`,
  },
  "workspace_id = $2",
);
const FIND_TURN = seenStatement(
  {
    name: "find_run_turn",
    text: `select (select l.max_open_runs from workflow_limits l
        where l.definition_id = r.definition_id and l.max_open_runs > 0) as "maxOpenRuns",
      (select count(*) from (select from workflow_runs w
        where w.concurrency_key is not null and w.state = 'PENDING' and w.definition_id = r.definition_id
          and w.concurrency_key = r.concurrency_key and (w.created_at, w.id) < (r.created_at, r.id)
        limit 1000) as before)::integer as ahead
    from workflow_runs r where r.id = $1`,
  },
  "r.workspace_id = $2",
);

/** The limits of these definitions, by their ids; those without one are absent. */
export async function findLimits(
  db: Queries,
  visibility: Visibility,
  definitionIds: readonly string[],
): Promise<Map<string, RunLimit>> {
  if (definitionIds.length === 0) return new Map();
  const rows = await querySeen<LimitRow & Record<string, unknown>>(db, visibility, FIND, [
    definitionIds,
  ]);
  return new Map(rows.map((row) => [row.definitionId, limitOfRow(row)]));
}

/** How the run stands; undefined where the caller sees none. */
export async function findRunTurn(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<RunTurn | undefined> {
  const [row] = await querySeen<RunTurn & Record<string, unknown>>(db, visibility, FIND_TURN, [
    runId,
  ]);
  return row;
}
