/** Whether a version that is stored can run now. Boundary: compiles and looks up; who deploys it is deployments.ts. */
import { compileGraphInPieces } from "../engine/graph/compile.ts";
import { workflowOf } from "../engine/steps/child-runs/setting.ts";
import type { StepDefinition, VersionSpec } from "../engine/values/definition.ts";
import { ownValue } from "../engine/values/json.ts";
import { Refusal } from "../process/refusal.ts";
import type { Queries } from "../store/database.ts";
import { type DefinitionRow, specOfVersion, type VersionRow } from "../store/reads/definitions.ts";
import { findMissingChildren } from "../store/service-reads/child-targets.ts";
import { inPieces } from "./in-pieces.ts";

const NAMED_AT_MOST = 5;

/**
 * Refuses illegal_move for a version that cannot run: one of another release may be more than this one knows, and a workflow that it
 * starts may be gone.
 */
export async function requireRunnable(
  queries: Queries,
  { workspaceId }: DefinitionRow,
  version: VersionRow,
): Promise<void> {
  const spec = specOfVersion(version);
  const missing = await findMissingChildren(queries, workspaceId, spec.steps.flatMap(fixedTarget));
  const fault = await faultOf(spec);
  if (fault === undefined && missing.length === 0) return;
  const gone = `it starts workflows that are not there: ${missing.slice(0, NAMED_AT_MOST).join(", ")}`;
  throw new Refusal("illegal_move", `version ${version.version} cannot run: ${fault ?? gone}`);
}

/** The workflow that a step starts; none where an expression names it. */
function fixedTarget(step: StepDefinition): { id: string; name: string }[] {
  const setting = workflowOf(step) ?? {};
  const id = ownValue(setting, "definition_id") ?? "";
  const name = ownValue(setting, "name") ?? "";
  if (typeof id !== "string" || typeof name !== "string") return [];
  const text = `${id}${name}`;
  return text === "" || text.includes("{{") ? [] : [{ id, name }];
}

/** Why a version does not compile; undefined where it does. */
async function faultOf(spec: VersionSpec): Promise<string | undefined> {
  try {
    await inPieces(compileGraphInPieces(spec));
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}
