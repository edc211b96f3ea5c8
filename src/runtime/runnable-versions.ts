/**
 * Whether a version that is stored can run: it compiles, and the workflows that it starts are there.
 * Boundary: reads; whether its services and agents are there is looked at by egress/health/, which keeps nothing from being deployed.
 */
import { compileGraphInPieces } from "../engine/graph/compile.ts";
import { fixedTargetOf } from "../engine/steps/child-runs/setting.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import { Refusal } from "../process/refusal.ts";
import type { Queries } from "../store/database.ts";
import { type DefinitionRow, specOfVersion, type VersionRow } from "../store/reads/definitions.ts";
import { findMissingChildren } from "../store/service-reads/child-targets.ts";
import { inPieces } from "./in-pieces.ts";

const NAMED_AT_MOST = 5;

/**
 * Refuses illegal_move where it cannot run: a version of another release may be more than this one knows, and a workflow that it starts
 * may be gone.
 */
export async function requireRunnable(
  queries: Queries,
  { workspaceId }: DefinitionRow,
  version: VersionRow,
): Promise<void> {
  const spec = specOfVersion(version);
  const targets = spec.steps.flatMap((step) => fixedTargetOf(step) ?? []);
  const named = targets.map((target) => ({ ...target, workspaceId }));
  const missing = (await findMissingChildren(queries, named)).map(({ id, name }) => id || name);
  const fault = await faultOf(spec);
  if (fault === undefined && missing.length === 0) return;
  const gone = `it starts workflows that are not there: ${missing.slice(0, NAMED_AT_MOST).join(", ")}`;
  throw new Refusal("illegal_move", `version ${version.version} cannot run: ${fault ?? gone}`);
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
