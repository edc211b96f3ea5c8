/** The warning of a draft that its text alone does not show. Boundary: reads; the text's own warnings are file/warnings.ts. */
import { PRODUCTION } from "../../engine/values/environment.ts";
import type { DefinitionRow } from "../../store/reads/definitions.ts";
import { findDeployPolicy, ruleOf } from "../../store/reads/deploy-policies.ts";
import { wasWorkflowTried } from "../../store/reads/tried-workflows.ts";
import type { ReadSource } from "./read-source.ts";
import type { ReadDeps } from "./service-deps.ts";

const UNTRIED =
  "the first version would be tried in production: publish the draft to another environment first, such as staging, or deploy it with a simulation";

/**
 * What was read of a draft, with a warning where production would be the first to try the workflow: it has no version there, none was
 * elsewhere, and no rule of production asks for that.
 */
export async function withDraftWarnings(
  { database: { callers }, visibility }: Pick<ReadDeps, "database" | "visibility">,
  { id, workspaceId, latestVersion }: Pick<DefinitionRow, "id" | "workspaceId" | "latestVersion">,
  read: ReadSource,
): Promise<ReadSource> {
  if (read.workflow === undefined || latestVersion > 0) return read;
  if (await wasWorkflowTried(callers, visibility, id)) return read;
  const rule = ruleOf(await findDeployPolicy(callers, visibility, workspaceId), PRODUCTION);
  if (rule?.requiresSimulation === true || rule?.ranIn !== undefined) return read;
  const warning = { ...read.workflow.nameAt, message: UNTRIED };
  return { ...read, warnings: [warning, ...read.warnings] };
}
