/**
 * The runs above and below a run.
 * Boundary: committed state; one statement a level, each by key and bounded.
 */
import type { Run } from "../../engine/values/run.ts";
import { selectList } from "../columns.ts";
import type { Queries } from "../database.ts";
import { type RunRow, runOfRow } from "../rows.ts";
import { workflowRuns } from "../schema/runs.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

const COLUMNS = selectList(workflowRuns, "r", ["inputPayload"]);

const UPWARDS = seenWithin(
  "find_ancestors",
  (condition) => `with recursive up as (
      select id, parent_run_id, 0 as level from workflow_runs where id = $1
      union all
      select p.id, p.parent_run_id, up.level + 1 from up
      join workflow_runs p on p.id = up.parent_run_id
      where up.parent_run_id <> '' and up.level < $2::integer)
    select ${COLUMNS} from up join workflow_runs r on r.id = up.id
    where ${condition} order by up.level`,
  "r.workspace_id = $3",
);
const CHILDREN = seenWithin(
  "find_children_of_runs",
  (condition) => `select ${COLUMNS} from unnest($1::text[]) as parent(id)
    cross join lateral (
      select c.* from workflow_runs c
      where c.parent_run_id = parent.id and c.parent_run_id <> '' limit $2::integer) as r
    where ${condition} limit $2::integer`,
  "r.workspace_id = $3",
);

/** The run, its parent, and so on: `levels` parents at most. Empty: the run is not seen. */
export async function findAncestors(
  db: Queries,
  visibility: Visibility,
  runId: string,
  levels: number,
): Promise<Run[]> {
  const rows = await querySeen<RunRow>(db, visibility, UPWARDS, [runId, levels]);
  return rows.map(runOfRow);
}

/** Children of these runs, `limit` of them at most; those of a run in no order. */
export async function findChildrenOfRuns(
  db: Queries,
  visibility: Visibility,
  runIds: readonly string[],
  limit: number,
): Promise<Run[]> {
  const rows = await querySeen<RunRow>(db, visibility, CHILDREN, [runIds, limit]);
  return rows.map(runOfRow);
}
