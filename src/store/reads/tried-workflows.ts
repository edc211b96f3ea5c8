/** Whether a workflow was ever tried before production: in another environment, or by the simulation of a deployment. */

import type { Queries } from "../database.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** Deployments whose simulation is looked at: the newest ones. */
const LOOKED_AT = 20;

// The ranges beside production are of the index, so that no count of its deployments matters.
const FIND = seenWithin(
  "find_whether_workflow_was_tried",
  (condition) => `select exists (select 1 from workflow_deployments d
      where d.definition_id = $1 and d.environment < 'production' and ${condition})
    or exists (select 1 from workflow_deployments d
      where d.definition_id = $1 and d.environment > 'production' and ${condition})
    or exists (select 1 from (select d.simulated_at from workflow_deployments d
      where d.definition_id = $1 and ${condition} order by d.at desc, d.id desc limit ${LOOKED_AT}) as newest
      where newest.simulated_at is not null) as tried`,
  "d.workspace_id = $2",
);

/** True: a version was deployed to another environment than production, or one of the newest deployments was simulated. */
export async function wasWorkflowTried(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<boolean> {
  const [row] = await querySeen<{ tried: boolean }>(db, visibility, FIND, [definitionId]);
  return row?.tried === true;
}
