/** Whether a version of a workflow was ever deployed to another environment than production. */
import type { Queries } from "../database.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

// The ranges beside production are of the index, so that no count of its deployments matters.
const FIND = seenWithin(
  "find_whether_workflow_was_tried",
  (condition) => `select exists (select 1 from workflow_deployments d
      where d.definition_id = $1 and d.environment < 'production' and ${condition})
    or exists (select 1 from workflow_deployments d
      where d.definition_id = $1 and d.environment > 'production' and ${condition}) as tried`,
  "d.workspace_id = $2",
);

/** As the file's head says; also what is not deployed there any more. */
export async function wasWorkflowTried(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<boolean> {
  const [row] = await querySeen<{ tried: boolean }>(db, visibility, FIND, [definitionId]);
  return row?.tried === true;
}
