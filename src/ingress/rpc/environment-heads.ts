/**
 * What a start in an environment has to know of its definition.
 * Boundary: reads for callers. Starts in production, of which there are many, share theirs (store/reads/definition-heads.ts).
 */
import { findEnvironment } from "../../engine/values/environment.ts";
import { type DefinitionHead, findDefinitionHead } from "../../store/reads/definition-heads.ts";
import { findDeployedVersion } from "../../store/reads/deployments.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { unknownDefinition } from "./definitions.ts";
import type { ReadDeps } from "./service-deps.ts";

/** The head of a definition, with the version that is deployed in an environment ("": production) as its latest one. Refuses not_found. */
export async function requireHeadIn(
  { database: { callers }, visibility }: ReadDeps,
  id: string,
  environment: string,
): Promise<DefinitionHead> {
  const head = await findDefinitionHead(callers, visibility, id);
  if (head === undefined) throw unknownDefinition(id);
  const named = findEnvironment(environment);
  if (named === undefined) return head;
  const deployed = await findDeployedVersion(callers, visibility, id, named);
  const { versionId = null, version = 0 } = deployed ?? {};
  const source = versionId && (await findVersionSource(callers, visibility, versionId));
  return {
    ...{ ...head, latestVersion: version, latestVersionId: versionId },
    inputSchemaJson: (source || undefined)?.inputSchemaJson ?? null,
  };
}
