/**
 * Making definitions and publishing versions.
 * Boundary: decides what may be stored and which events report it; rows are store/definitions.ts.
 * Invariant: nothing is stored when anything is wrong, and all faults are reported together.
 */

import { checkVersionInPieces } from "../engine/graph/check.ts";
import { withEventPaths } from "../engine/graph/event-paths.ts";
import { triggerKeyOf, waitKeyOf, widenPattern } from "../engine/matching/keys.ts";
import { containsOf } from "../engine/steps/contains.ts";
import { factsOf } from "../engine/steps/registry.ts";
import { nextSlot, readCronLine, trimLine } from "../engine/values/cron.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import { PRODUCTION } from "../engine/values/environment.ts";
import { isJsonObject, type JsonObject } from "../engine/values/json.ts";
import { newDefinitionId, newDeploymentId, newVersionId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import type { KeyClaim } from "../store/caller-keys.ts";
import { appendChange } from "../store/changes.ts";
import { findClosed } from "../store/closed-workflows.ts";
import type { Database, Queries, Tx } from "../store/database.ts";
import {
  findDefinitionByName,
  insertDefinition,
  insertVersion,
  lockDefinition,
  type NewDefinition,
  setLatestVersion,
  type WaitPattern,
} from "../store/definitions.ts";
import { followPublish } from "../store/deployments.ts";
import type { DefinitionRow, VersionRow } from "../store/reads/definitions.ts";
import { findDeployPolicy, ruleOf } from "../store/reads/deploy-policies.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { deleteSchedule, saveSchedule } from "../store/schedules.ts";
import { insertVersionFacts } from "../store/version-facts.ts";
import { applyKeys } from "./caller-keys.ts";
import { closedRefusal } from "./closed-refusals.ts";
import { createdEvents, type Published, publishedEvents } from "./definition-events.ts";
import { type EndpointSettings, rotateOnDeploy } from "./endpoints.ts";
import { inPieces } from "./in-pieces.ts";
import { partitionOf } from "./partition.ts";
import type { Committed } from "./submission.ts";

export type { Published } from "./definition-events.ts";

/** What writing definitions needs. Without `onCommitted` the publisher finds the events by itself, a little later. */
export interface DefinitionDeps {
  readonly database: Database;
  readonly onCommitted?: (committed: Committed) => void;
  /** With which endpoints rotate that do so by themselves. */
  readonly endpoints?: EndpointSettings | undefined;
  /** Called after a commit that may have changed what is deployed of a definition. */
  readonly onDeployed?: (definitionId: string) => void;
  /** The program through which the caller came: it is kept beside who acted. Unset: it does not say. */
  readonly via?: string | undefined;
  /** The key of the call, marked in the transaction with the id of what was made. */
  readonly callerKey?: KeyClaim | undefined;
}

/** A version to publish; without a workspace the definition may be any workspace's. */
export interface Publication extends Partial<Omit<Publisher, "via">> {
  readonly definitionId: string;
  readonly workspaceId?: string;
  readonly spec: VersionSpec;
}

/** Who publishes, and through which program, "" where the call does not say, and why. */
export interface Publisher {
  readonly by: string;
  readonly via: string;
  readonly note: string;
}

/** Makes a definition without versions. Refuses invalid_fields and already_exists (resource: the existing id). */
export async function createDefinition(
  deps: DefinitionDeps,
  wanted: Omit<NewDefinition, "id">,
  by = "",
): Promise<DefinitionRow> {
  requireNames(wanted);
  const definition = { ...wanted, id: newDefinitionId() };
  return commitWithEvents(deps, async (tx) => {
    const row = await insertDefinition(tx, definition);
    if (row === undefined) throw await takenName(tx, wanted);
    return { row, madeId: row.id, definitionId: row.id, events: createdEvents(row, by, "") };
  });
}

/** Publishes the next version. Refuses invalid_fields (every fault) and not_found. */
export async function publishVersion(
  deps: DefinitionDeps,
  { definitionId, workspaceId = "", spec: written, by = "", note = "" }: Publication,
): Promise<Published> {
  const spec = await checkedSpec(written);
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockSeen(tx, { definitionId, workspaceId });
    const row = await storeVersion(tx, definition, spec, { by, via: deps.via ?? "", note });
    const events = publishedEvents(row, { by, note }, true);
    return { row, madeId: row.version.id, definitionId, events, isDeployed: true };
  });
}

/** Locks a definition; a `workspaceId` of "" takes any workspace's. Refuses not_found. */
export async function lockSeen(
  tx: Tx,
  { definitionId, workspaceId }: { readonly definitionId: string; readonly workspaceId: string },
): Promise<DefinitionRow> {
  const definition = await lockDefinition(tx, definitionId);
  if (definition !== undefined && ["", definition.workspaceId].includes(workspaceId)) {
    return definition;
  }
  throw closedRefusal(definitionId, "deleted");
}

/** The version as it is stored. Refuses invalid_fields (every fault). */
export async function checkedSpec(written: VersionSpec): Promise<VersionSpec> {
  const faults = await inPieces(checkVersionInPieces(written));
  if (faults.length === 0) return withEventPaths(written);
  throw new Refusal("invalid_fields", "the version is not valid", { fields: faults });
}

/** Refuses a definition, which is locked, of which no run may begin: nothing of it is to listen. */
export async function requireOpen(tx: Tx, definitionId: string): Promise<void> {
  const why = (await findClosed(tx, [definitionId])).get(definitionId);
  if (why !== undefined) throw closedRefusal(definitionId, why, "DEPLOYED");
}

/** Stores the next version of a definition that is locked. Nothing starts it until it is deployed. Refuses archived. */
export async function storeUndeployed(
  tx: Tx,
  definition: DefinitionRow,
  spec: VersionSpec,
): Promise<VersionRow> {
  await requireOpen(tx, definition.id);
  const version = await insertVersion(tx, definition, {
    id: newVersionId(),
    spec,
    waitPatterns: spec.steps.flatMap(waitPatternOf),
  });
  await insertVersionFacts(tx, version.id, containsOf(spec.steps));
  return version;
}

/**
 * Stores the next version of a definition that is locked, and deploys it to production. Refuses archived, and illegal_move where
 * production needs an approval.
 */
export async function storeVersion(
  tx: Tx,
  definition: DefinitionRow,
  spec: VersionSpec,
  publisher: Publisher,
): Promise<Published> {
  await requireOpenProduction(tx, definition.workspaceId);
  const version = await storeUndeployed(tx, definition, spec);
  await followPublish(tx, {
    ...publisher,
    deploymentId: newDeploymentId(),
    workspaceId: definition.workspaceId,
    definitionId: definition.id,
    versionId: version.id,
    version: version.version,
  });
  return { version, definition: await leadWith(tx, version, version.createdAt) };
}

/** Refuses illegal_move where production takes a version by the rules of a policy alone. */
async function requireOpenProduction(tx: Tx, workspaceId: string): Promise<void> {
  const policy = await findDeployPolicy(tx, EVERY_WORKSPACE, workspaceId);
  if (ruleOf(policy, PRODUCTION) === undefined) return;
  const message =
    "a policy of the workspace asks for more before production: publish to another environment (PublishDraft with deploy_to, or PublishSource with the header Workflows-Environment), then Deploy";
  throw new Refusal("illegal_move", message);
}

/** Makes a version the latest one, from now on: its trigger listens, and its cron line has the schedule. */
export async function leadWith(tx: Tx, version: VersionRow, at?: Date): Promise<DefinitionRow> {
  const triggerKey = triggerKeyOf(version.trigger);
  const lead = at === undefined ? { triggerKey } : { triggerKey, at };
  const definition = await setLatestVersion(tx, version, lead);
  // A version that leads again has no slots of the time between.
  await keepSchedule(tx, { definition, version }, definition.updatedAt, definition.updatedAt);
  return definition;
}

/** Stores the schedule of a version that starts runs, with its first slot after a time of the database. `@every` counts from `anchorAt`. */
export async function keepSchedule(
  tx: Tx,
  { definition, version }: Published,
  since: Date,
  anchorAt = version.createdAt,
): Promise<void> {
  const { triggerType, cronExpr } = version.trigger;
  if (triggerType !== "SCHEDULE") return deleteSchedule(tx, definition.id);
  const cronLine = trimLine(cronExpr);
  const read = readCronLine(cronLine);
  if (!read.ok) throw new Error(`a checked version has the cron line ${read.problem}`);
  const next = nextSlot(read.line, anchorAt.getTime(), since.getTime());
  await saveSchedule(tx, {
    definitionId: definition.id,
    workspaceId: definition.workspaceId,
    versionId: version.id,
    version: version.version,
    cronLine,
    anchorAt,
    nextAt: next === undefined ? null : new Date(next),
  });
}

/** What a transaction made: the row to answer with, the id that a key stands for, and the events that report it. */
export interface Made<Row> {
  readonly row: Row;
  readonly madeId: string;
  readonly definitionId: string;
  readonly events: readonly JsonObject[];
  /** What is deployed of the definition may have changed. */
  readonly isDeployed?: boolean;
}

/** Commits what `write` makes with the caller's key and the events of the definition. */
export async function commitWithEvents<Row>(
  deps: DefinitionDeps,
  write: (tx: Tx) => Promise<Made<Row>>,
): Promise<Row> {
  const { row, batch, deployed } = await deps.database.transaction(async (tx) => {
    const { row, madeId, definitionId, events, isDeployed = false } = await write(tx);
    if (isDeployed) await rotateOnDeploy(tx, deps.endpoints, definitionId);
    const { callerKey } = deps;
    if (callerKey !== undefined) await applyKeys(tx, [{ ...callerKey, appliedTo: madeId }]);
    const deployed = isDeployed ? definitionId : undefined;
    if (events.length === 0) return { row, deployed };
    const partition = partitionOf(definitionId);
    const id = await appendChange(tx, partition, events.map(throughProgram(deps.via)));
    return { row, deployed, batch: { id, partition, runs: [] } };
  });
  if (deployed !== undefined) deps.onDeployed?.(deployed);
  const tasks = { wanted: [], cancelled: [], ended: [] };
  // A version may have a schedule.
  const dueInMs = 0;
  if (batch !== undefined) deps.onCommitted?.({ batches: [batch], calls: [], tasks, dueInMs });
  return row;
}

/** Adds the program to an event that says who acted. */
function throughProgram(via = "") {
  return (event: JsonObject): JsonObject => {
    const { payload } = event;
    if (via === "" || !isJsonObject(payload) || !("by" in payload)) return event;
    return { ...event, payload: { ...payload, via } };
  };
}

type DefinitionName = Pick<NewDefinition, "workspaceId" | "name">;

/** Refuses names that are missing. */
export function requireNames({ workspaceId, name }: DefinitionName): void {
  const fields = [
    ...(name.trim() === "" ? [{ field: "name", description: "must not be empty" }] : []),
    ...(workspaceId === "" ? [{ field: "workspace_id", description: "must not be empty" }] : []),
  ];
  if (fields.length === 0) return;
  throw new Refusal("invalid_fields", "the definition is not valid", { fields });
}

/** The refusal of a name that another definition has. */
export async function takenName(
  tx: Queries,
  { workspaceId, name }: DefinitionName,
): Promise<Refusal> {
  const existing = await findDefinitionByName(tx, workspaceId, name);
  const resource = { type: "definition", name: existing?.id ?? "" };
  const message = `the name is taken by definition ${resource.name}`;
  return new Refusal("already_exists", message, { resource });
}

function waitPatternOf(step: VersionSpec["steps"][number]): WaitPattern[] {
  if (factsOf(step.stepType)?.waitsForEvents !== true) return [];
  if (step.eventTypePattern === "" && step.eventSubjectPattern === "") return [];
  const typePattern = widenPattern(step.eventTypePattern);
  const subjectPattern = widenPattern(step.eventSubjectPattern);
  const waitKey = waitKeyOf(typePattern, subjectPattern);
  return [{ waitKey, typePattern, subjectPattern, eventPaths: step.eventPaths ?? null }];
}
