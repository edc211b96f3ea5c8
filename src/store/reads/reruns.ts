/** The rerun of a run. Boundary: committed state, by key. */
import type { Queries } from "../database.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

const FIND = seenWithin(
  "find_rerun_id",
  (condition) => `select s.run_id as "runId"
    from workflow_runs r
    join run_starts s on s.definition_id = r.definition_id and s.event_id = r.rerun->>'call'
    join workflow_runs n on n.id = s.run_id and n.rerun->>'of' = r.id
    where r.id = $1 and ${condition}`,
  "r.workspace_id = $2",
);

/** The id of the run that reruns this one; undefined: it was not rerun, or its rerun has not begun. */
export async function findRerunId(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<string | undefined> {
  const [row] = await querySeen<{ runId: string }>(db, visibility, FIND, [runId]);
  return row?.runId;
}
