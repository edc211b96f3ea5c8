/**
 * Publishing what a source text describes: the definition of its name, and the next version unless the latest one has the content.
 * Boundary: the text was read by the caller; what may be stored is decided as for PublishVersion (definitions.ts).
 * Invariants:
 * 1. What was compared is the latest version of the locked definition, so calls with the same text make one version. It is
 *    read and compared before the lock, for a large one takes a while; again under the lock where another one came in between.
 * 2. A definition that this makes, its version and what that was made from are stored in one transaction, or nothing is.
 */

import type { VersionSpec } from "../engine/values/definition.ts";
import { versionDigest } from "../engine/values/digest.ts";
import { PRODUCTION } from "../engine/values/environment.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { newDefinitionId } from "../process/ids.ts";
import type { Queries, Tx } from "../store/database.ts";
import {
  findDefinitionByName,
  insertDefinition,
  lockDefinition,
  type NewDefinition,
} from "../store/definitions.ts";
import {
  type DefinitionRow,
  findVersions,
  specOfVersion,
  type VersionRow,
} from "../store/reads/definitions.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { saveVersionSource, type VersionSource } from "../store/version-sources.ts";
import { createdEvents, publishedEvents } from "./definition-events.ts";
import {
  checkedSpec,
  commitWithEvents,
  type DefinitionDeps,
  type Made,
  type Published,
  storeUndeployed,
  storeVersion,
  takenName,
} from "./definitions.ts";
import { deployLocked } from "./deployments.ts";

/** What a source text describes. */
export interface SourcePublication extends Omit<NewDefinition, "id"> {
  readonly spec: VersionSpec;
  /** Of `spec`, as it was written. */
  readonly digest: string;
  readonly source: VersionSource;
  /** True: the workspace must not have a definition of that name. */
  readonly mustBeNew?: boolean;
}

/** The latest version of a definition. */
export interface Latest {
  readonly version: VersionRow;
  readonly digest: string;
}

const OUTCOMES = ["created", "published", "unchanged"] as const;

/** The version that has the content now, and what was made. */
export interface SourcePublished extends Published {
  readonly outcome: (typeof OUTCOMES)[number];
}

/** The version, and what was made, of what a caller's key stands for. */
export function readPublishedId(madeId: string) {
  const [versionId = "", word] = madeId.split(" ");
  return { versionId, outcome: OUTCOMES.find((each) => each === word) ?? "published" };
}

/**
 * Publishes it. Refuses invalid_fields (every fault of the version), archived where a version is to be made, and already_exists (resource:
 * the existing id) where the definition must be new.
 */
export async function publishSource(
  deps: DefinitionDeps,
  { spec: written, digest, source, mustBeNew = false, ...wanted }: SourcePublication,
): Promise<SourcePublished> {
  const spec = await checkedSpec(written);
  const { callers } = deps.database;
  const named = await findDefinitionByName(callers, wanted.workspaceId, wanted.name);
  const seen = named && (await findLatest(callers, named));
  return commitWithEvents(deps, async (tx) => {
    const { definition, isNew } = await lockNamed(tx, wanted);
    if (mustBeNew && !isNew) throw await takenName(tx, wanted);
    return publishTo(tx, definition, { isNew, spec, digest, source, seen });
  });
}

/** What is published to a definition that is locked. */
interface PublishedTo extends Pick<SourcePublication, "spec" | "digest" | "source"> {
  /** The definition was made in this transaction. */
  readonly isNew: boolean;
  /** The latest version as it was before the lock. */
  readonly seen: Latest | undefined;
  /** Where it is deployed; production unless given. */
  readonly deployTo?: string;
}

/** Makes the version, unless the latest one has the content. */
export async function publishTo(
  tx: Tx,
  definition: DefinitionRow,
  { isNew, spec, digest, source, seen, deployTo = PRODUCTION }: PublishedTo,
): Promise<Made<SourcePublished>> {
  const isLatest = seen?.version.id === definition.latestVersionId;
  const latest = isLatest ? seen : await findLatest(tx, definition);
  const isSame = latest?.digest === digest;
  const publisher = { by: source.publishedBy, note: source.note };
  const isProduction = deployTo === PRODUCTION;
  const row =
    isProduction && !isSame
      ? await storeVersion(tx, definition, spec, publisher)
      : {
          definition,
          version: latest && isSame ? latest.version : await storeUndeployed(tx, definition, spec),
        };
  const events: JsonObject[] = isNew ? createdEvents(definition, publisher.by, publisher.note) : [];
  if (!isSame) events.push(...publishedEvents(row, publisher, isProduction));
  if (!isProduction) {
    const order = { ...publisher, environment: deployTo, vars: undefined };
    events.push(...(await deployLocked(tx, definition, order, row.version)).events);
  }
  await saveVersionSource(tx, row.version.id, source);
  const outcome = isNew ? "created" : isSame ? "unchanged" : "published";
  return {
    row: { ...row, outcome },
    // A repeat of the call answers as the first one: the row of the version does not tell.
    madeId: `${row.version.id} ${outcome}`,
    definitionId: definition.id,
    events,
  };
}

/** The latest version of a definition, with its digest; undefined: none is published. */
export async function findLatest(
  queries: Queries,
  { latestVersionId }: DefinitionRow,
): Promise<Latest | undefined> {
  if (latestVersionId === null) return undefined;
  const [version] = await findVersions(queries, EVERY_WORKSPACE, [latestVersionId]);
  return version && { version, digest: versionDigest(specOfVersion(version)) };
}

/** The definition of a name, made where there is none, and locked until the transaction ends. */
async function lockNamed(
  tx: Tx,
  wanted: Omit<NewDefinition, "id">,
): Promise<{ definition: DefinitionRow; isNew: boolean }> {
  const made = await insertDefinition(tx, { ...wanted, id: newDefinitionId() });
  if (made !== undefined) return { definition: made, isNew: true };
  const named = await findDefinitionByName(tx, wanted.workspaceId, wanted.name);
  const definition = named === undefined ? undefined : await lockDefinition(tx, named.id);
  if (definition === undefined) throw new Error("the definition of a taken name is not stored");
  return { definition, isNew: false };
}
