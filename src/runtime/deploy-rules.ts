/**
 * What the policy of a workspace asks of a version before it is deployed to an environment.
 * Boundary: the rules beside approvals, which are deploy-approvals.ts.
 */
import { Refusal } from "../process/refusal.ts";
import type { Queries } from "../store/database.ts";
import type { VersionRow } from "../store/reads/definitions.ts";
import type { DeployRule } from "../store/schema/deployments.ts";
import {
  findDeployedBefore,
  hasCompletedRun,
  RUNS_LOOKED_THROUGH,
} from "../store/service-reads/deployed-before.ts";

/** Refuses illegal_move where a version lacks what the rule asks for. One that was ACTIVE there before lacks nothing. */
export async function requireRules(
  queries: Queries,
  rule: DeployRule | undefined,
  { id: versionId, version, definitionId }: Pick<VersionRow, "id" | "version" | "definitionId">,
  { workspaceId, isSimulated }: { readonly workspaceId: string; readonly isSimulated: boolean },
): Promise<void> {
  if (rule === undefined) return;
  const { environment, requiresSimulation, ranIn } = rule;
  const wantsSimulation = requiresSimulation === true && !isSimulated;
  if (!wantsSimulation && ranIn === undefined) return;
  const place = { workspaceId, definitionId, versionId, environment };
  const before = await findDeployedBefore(queries, place);
  if (before.wasThere) return;
  const what = `${environment} takes a version by the policy of the workspace that`;
  if (wantsSimulation && !before.wasSimulated) {
    const how = "give Deploy a simulation (`workflows deploy --simulate`)";
    throw new Refusal("illegal_move", `${what} was simulated: ${how}`);
  }
  if (ranIn === undefined || (await hasCompletedRun(queries, place, ranIn))) return;
  const among = `the newest ${RUNS_LOOKED_THROUGH} runs that completed`;
  throw new Refusal(
    "illegal_move",
    `${what} ran in ${ranIn}: no run of version ${version} completed there among ${among}; start one there and let it end`,
  );
}
