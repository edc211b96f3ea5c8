/**
 * Publishing what a source text describes: the definition of its name, and the next version unless one that it may repeat has the content
 * and the input schema.
 * Boundary: the text was read by the caller; what may be stored is decided as for PublishVersion (definitions.ts).
 * Invariants:
 * 1. What was compared are versions of the locked definition, so calls with the same text make one version. It is
 *    read and compared before the lock, for a large one takes a while; again under the lock where another one came in between.
 * 2. A definition that this makes, its version and what that was made from are stored in one transaction, or nothing is.
 */

import type { VersionSpec } from "../engine/values/definition.ts";
import { versionDigest } from "../engine/values/digest.ts";
import { PRODUCTION } from "../engine/values/environment.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { newDefinitionId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import type { Queries, Tx } from "../store/database.ts";
import {
  findDefinitionByName,
  insertDefinition,
  lockDefinition,
  type NewDefinition,
} from "../store/definitions.ts";
import {
  type DefinitionRow,
  findVersion,
  specOfVersion,
  type VersionRow,
} from "../store/reads/definitions.ts";
import { findDeployedVersion } from "../store/reads/deployments.ts";
import { findNewestNumber, findVersionSource } from "../store/reads/version-sources.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { saveVersionSource, type VersionSource } from "../store/version-sources.ts";
import { createdEvents, publishedEvents } from "./definition-events.ts";
import {
  checkedSpec,
  commitWithEvents,
  type DefinitionDeps,
  lockSeen,
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
  /** Where it is deployed; production unless given. */
  readonly deployTo?: string;
  /**
   * The definition whose next version it is, and the version that it was made from: the one that is deployed where it will be (0: whichever).
   * Unset: that of the name.
   */
  readonly next?: { readonly definitionId: string; readonly baseVersion: number } | undefined;
  /** True: no hook was asked, so it must be the content and the input schema of the latest version. */
  readonly mustRepeat?: boolean;
}

/** A version that a text may repeat. */
export interface Repeatable {
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
 * Publishes it. Refuses invalid_fields (every fault of the version), archived where a version is to be made, already_exists (resource:
 * the existing id) where the definition must be new, and lost_race where it must repeat a version that is not the latest one any more. Of the
 * next version of a definition: not_found, invalid_fields where it has another name (lost_race where a base version is given), and etag_mismatch where another version is deployed in
 * the place.
 */
export async function publishSource(
  deps: DefinitionDeps,
  {
    spec: written,
    digest,
    source,
    mustBeNew = false,
    deployTo,
    next,
    mustRepeat,
    ...wanted
  }: SourcePublication,
): Promise<SourcePublished> {
  const spec = await checkedSpec(written);
  const { callers } = deps.database;
  const named = await findDefinitionByName(callers, wanted.workspaceId, wanted.name);
  const seen = named && (await findRepeatable(callers, named, deployTo ?? PRODUCTION));
  return commitWithEvents(deps, async (tx) => {
    const { definition, isNew } = next
      ? { definition: await lockNext(tx, wanted, next, deployTo), isNew: false }
      : await lockNamed(tx, wanted);
    if (mustBeNew && !isNew) throw await takenName(tx, wanted);
    const place = deployTo === undefined ? {} : { deployTo };
    // Versions are known by their numbers, and the name may be another one's by now.
    const known = named?.id === definition.id ? seen : undefined;
    const text = { isNew, spec, digest, source, via: deps.via, seen: known, ...place };
    return publishTo(tx, definition, mustRepeat === true ? { ...text, mustRepeat } : text);
  });
}

/** What is published to a definition that is locked. */
interface PublishedTo extends Pick<SourcePublication, "spec" | "digest" | "source" | "mustRepeat"> {
  /** The definition was made in this transaction. */
  readonly isNew: boolean;
  /** What the text may repeat, as it was before the lock. */
  readonly seen: readonly Repeatable[] | undefined;
  /** The program through which who publishes came. */
  readonly via: string | undefined;
  /** Where it is deployed; production unless given. */
  readonly deployTo?: string;
}

/**
 * Makes the version, unless the latest one has the content; for another environment than production also the one that is deployed there, or the
 * newest one.
 */
export async function publishTo(
  tx: Tx,
  definition: DefinitionRow,
  published: PublishedTo,
): Promise<Made<SourcePublished>> {
  const { isNew, spec, digest, source, seen, via = "" } = published;
  const { deployTo = PRODUCTION, mustRepeat = false } = published;
  const repeatable = await findRepeatable(tx, definition, deployTo, seen);
  const same = await findRepeated(tx, repeatable, { digest, inputSchema: source.inputSchema });
  if (mustRepeat && same === undefined) {
    throw new Refusal("lost_race", "another version was published meanwhile: try again");
  }
  const publisher = { by: source.publishedBy, via, note: source.note };
  const isProduction = deployTo === PRODUCTION;
  const row =
    isProduction && same === undefined
      ? await storeVersion(tx, definition, spec, publisher)
      : {
          definition,
          version: same?.version ?? (await storeUndeployed(tx, definition, spec)),
        };
  const events: JsonObject[] = isNew ? createdEvents(definition, publisher.by, publisher.note) : [];
  if (same === undefined) events.push(...publishedEvents(row, publisher, isProduction));
  if (!isProduction) {
    const order = { ...publisher, environment: deployTo, vars: undefined };
    events.push(...(await deployLocked(tx, definition, order, row.version)).events);
  }
  await saveVersionSource(tx, row.version.id, { ...source, publishedVia: via });
  const outcome = isNew ? "created" : same === undefined ? "published" : "unchanged";
  return {
    row: { ...row, outcome },
    // A repeat of the call answers as the first one: the row of the version does not tell.
    madeId: `${row.version.id} ${outcome}`,
    definitionId: definition.id,
    events,
    isDeployed: true,
  };
}

/**
 * The version that has the content of a text and its input schema, which no digest holds: a text with another one changes which starts
 * are taken.
 */
export async function findRepeated(
  queries: Queries,
  repeatable: readonly Repeatable[],
  {
    digest,
    inputSchema,
  }: { readonly digest: string; readonly inputSchema: JsonObject | undefined },
): Promise<Repeatable | undefined> {
  const wanted = inputSchema === undefined ? null : JSON.stringify(inputSchema);
  for (const each of repeatable) {
    if (each.digest !== digest) continue;
    const source = await findVersionSource(queries, EVERY_WORKSPACE, each.version.id);
    if ((source?.inputSchemaJson ?? null) === wanted) return each;
  }
  return undefined;
}

/** The versions that a text for an environment may repeat: the latest one, and beside production what is deployed there and the newest one. */
export async function findRepeatable(
  queries: Queries,
  { id, latestVersion }: DefinitionRow,
  deployTo: string,
  seen: readonly Repeatable[] = [],
): Promise<Repeatable[]> {
  const elsewhere = deployTo === PRODUCTION ? [] : await numbersOf(queries, id, deployTo);
  const found: Repeatable[] = [];
  for (const number of new Set([...elsewhere, latestVersion])) {
    if (number === 0) continue;
    const known = seen.find(({ version }) => version.version === number);
    const version = known?.version ?? (await findVersion(queries, EVERY_WORKSPACE, id, number));
    if (version === undefined) continue;
    found.push(known ?? { version, digest: versionDigest(specOfVersion(version)) });
  }
  return found;
}

/** What is deployed there comes first, so that a repeat changes nothing; then the newest version. 0: there is none. */
async function numbersOf(queries: Queries, id: string, environment: string): Promise<number[]> {
  const there = await findDeployedVersion(queries, EVERY_WORKSPACE, id, environment);
  return [there?.version ?? 0, await findNewestNumber(queries, EVERY_WORKSPACE, id)];
}

/** The definition whose next version is published, locked until the transaction ends. */
async function lockNext(
  tx: Tx,
  { workspaceId, name }: Pick<NewDefinition, "workspaceId" | "name">,
  { definitionId, baseVersion }: NonNullable<SourcePublication["next"]>,
  deployTo = PRODUCTION,
): Promise<DefinitionRow> {
  const definition = await lockSeen(tx, { definitionId, workspaceId });
  if (definition.name !== name) {
    // Who says what the text was made from has read the workflow, which was renamed since.
    if (baseVersion > 0)
      throw new Refusal(
        "lost_race",
        `the workflow is called "${definition.name}" by now: read it again`,
      );
    const description = `names the workflow "${name}", and it is called "${definition.name}": write that name, or rename the workflow by Update`;
    const fields = [{ field: "source_text", description }];
    throw new Refusal("invalid_fields", "the request is not valid", { fields });
  }
  if (baseVersion === 0) return definition;
  const there = await findDeployedVersion(tx, EVERY_WORKSPACE, definitionId, deployTo);
  // Where none is deployed nothing is overwritten.
  if (there === undefined || there.version === baseVersion) return definition;
  throw new Refusal(
    "etag_mismatch",
    `${deployTo} has version ${there.version} by now, and the text was made from version ${baseVersion}: read it again`,
    {
      resource: { type: "definition", name: definitionId },
      etags: { sent: String(baseVersion), stored: String(there.version) },
    },
  );
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
