/**
 * Making definitions and publishing versions.
 * Boundary: decides what may be stored and which events report it; rows are store/definitions.ts.
 * Invariant: nothing is stored when anything is wrong, and all faults are reported together.
 */

import { checkVersionInPieces } from "../engine/graph/check.ts";
import { withEventPaths } from "../engine/graph/event-paths.ts";
import { triggerKeyOf, waitKeyOf, widenPattern } from "../engine/matching/keys.ts";
import { factsOf } from "../engine/steps/registry.ts";
import { nextSlot, readCronLine, trimLine } from "../engine/values/cron.ts";
import type { VersionSpec } from "../engine/values/definition.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { newDefinitionId, newVersionId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import type { KeyClaim } from "../store/caller-keys.ts";
import { appendChange } from "../store/changes.ts";
import type { Database, Tx } from "../store/database.ts";
import {
  findDefinitionByName,
  insertDefinition,
  insertVersion,
  lockDefinition,
  type NewDefinition,
  type WaitPattern,
} from "../store/definitions.ts";
import type { DefinitionRow, VersionRow } from "../store/reads/definitions.ts";
import { deleteSchedule, saveSchedule } from "../store/schedules.ts";
import { applyKeys } from "./caller-keys.ts";
import { inPieces } from "./in-pieces.ts";
import { partitionOf } from "./partition.ts";
import type { Committed } from "./submission.ts";

/** What writing definitions needs. Without `onCommitted` the publisher finds the events by itself, a little later. */
export interface DefinitionDeps {
  readonly database: Database;
  readonly onCommitted?: (committed: Committed) => void;
  /** The key of the call, marked in the transaction with the id of what was made. */
  readonly callerKey?: KeyClaim | undefined;
}

/** A version to publish; without a workspace the definition may be any workspace's. */
export interface Publication {
  readonly definitionId: string;
  readonly workspaceId?: string;
  readonly spec: VersionSpec;
}

/** A version, and its definition with the new latest version. */
export interface Published {
  readonly definition: DefinitionRow;
  readonly version: VersionRow;
}

/** Makes a definition without versions. Refuses invalid_fields and already_exists (resource: the existing id). */
export async function createDefinition(
  deps: DefinitionDeps,
  wanted: Omit<NewDefinition, "id">,
): Promise<DefinitionRow> {
  requireNames(wanted);
  const definition = { ...wanted, id: newDefinitionId() };
  return commitWithEvents(deps, async (tx) => {
    const row = await insertDefinition(tx, definition);
    if (row === undefined) throw await takenName(tx, wanted);
    return { row, madeId: row.id, definitionId: row.id, events: [createdEvent(row)] };
  });
}

/** Publishes the next version. Refuses invalid_fields (every fault) and not_found. */
export async function publishVersion(
  deps: DefinitionDeps,
  { definitionId, workspaceId = "", spec: written }: Publication,
): Promise<Published> {
  const spec = await checkedSpec(written);
  return commitWithEvents(deps, async (tx) => {
    const definition = await lockDefinition(tx, definitionId);
    if (definition === undefined || !["", definition.workspaceId].includes(workspaceId)) {
      const resource = { type: "definition", name: definitionId };
      throw new Refusal("not_found", `there is no definition ${definitionId}`, { resource });
    }
    const row = await storeVersion(tx, definition, spec);
    return { row, madeId: row.version.id, definitionId, events: [publishedEvent(row)] };
  });
}

/** The version as it is stored. Refuses invalid_fields (every fault). */
export async function checkedSpec(written: VersionSpec): Promise<VersionSpec> {
  const faults = await inPieces(checkVersionInPieces(written));
  if (faults.length === 0) return withEventPaths(written);
  throw new Refusal("invalid_fields", "the version is not valid", { fields: faults });
}

/** Stores the next version of a definition that is locked, and its schedule. */
export async function storeVersion(
  tx: Tx,
  definition: DefinitionRow,
  spec: VersionSpec,
): Promise<Published> {
  const row = await insertVersion(tx, definition, {
    id: newVersionId(),
    spec,
    triggerKey: triggerKeyOf(spec.trigger),
    waitPatterns: spec.steps.flatMap(waitPatternOf),
  });
  await keepSchedule(tx, row);
  return row;
}

async function keepSchedule(tx: Tx, { definition, version }: Published): Promise<void> {
  const { triggerType, cronExpr } = version.trigger;
  if (triggerType !== "SCHEDULE") return deleteSchedule(tx, definition.id);
  const cronLine = trimLine(cronExpr);
  const read = readCronLine(cronLine);
  if (!read.ok) throw new Error(`a checked version has the cron line ${read.problem}`);
  // The row's time is the database's.
  const anchorAt = version.createdAt;
  const next = nextSlot(read.line, anchorAt.getTime(), anchorAt.getTime());
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
interface Made<Row> {
  readonly row: Row;
  readonly madeId: string;
  readonly definitionId: string;
  readonly events: readonly JsonObject[];
}

/** Commits what `write` makes with the caller's key and the events of the definition. */
export async function commitWithEvents<Row>(
  deps: DefinitionDeps,
  write: (tx: Tx) => Promise<Made<Row>>,
): Promise<Row> {
  const { row, batch } = await deps.database.transaction(async (tx) => {
    const { row, madeId, definitionId, events } = await write(tx);
    const { callerKey } = deps;
    if (callerKey !== undefined) await applyKeys(tx, [{ ...callerKey, appliedTo: madeId }]);
    if (events.length === 0) return { row };
    const partition = partitionOf(definitionId);
    return { row, batch: { id: await appendChange(tx, partition, events), partition, runs: [] } };
  });
  const tasks = { wanted: [], cancelled: [], ended: [] };
  // A version may have a schedule.
  const dueInMs = 0;
  if (batch !== undefined) deps.onCommitted?.({ batches: [batch], calls: [], tasks, dueInMs });
  return row;
}

function requireNames({ workspaceId, name }: Omit<NewDefinition, "id">): void {
  const fields = [
    ...(name.trim() === "" ? [{ field: "name", description: "must not be empty" }] : []),
    ...(workspaceId === "" ? [{ field: "workspace_id", description: "must not be empty" }] : []),
  ];
  if (fields.length === 0) return;
  throw new Refusal("invalid_fields", "the definition is not valid", { fields });
}

/** The refusal of a name that a definition has. */
export async function takenName(
  tx: Tx,
  { workspaceId, name }: Omit<NewDefinition, "id">,
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

/** The event of a definition that was made. */
export function createdEvent(row: DefinitionRow): JsonObject {
  return {
    id: `${row.id}-create`,
    type: "workflows.changes.definition.create",
    workspaceId: row.workspaceId,
    aggregateId: row.id,
    aggregateType: "definition",
    operation: "create",
    recordedAt: row.createdAt.toISOString(),
    payload: {
      id: row.id,
      workspace_id: row.workspaceId,
      name: row.name,
      description: row.description,
      tags: row.tags,
    },
  };
}

/** The event of a version that was published. */
export function publishedEvent({ definition, version: row }: Published): JsonObject {
  return {
    id: `${row.id}-publish`,
    type: "workflows.changes.version.publish",
    workspaceId: definition.workspaceId,
    aggregateId: row.id,
    aggregateType: "version",
    operation: "publish",
    recordedAt: row.createdAt.toISOString(),
    payload: {
      id: row.id,
      definition_id: definition.id,
      workspace_id: definition.workspaceId,
      name: definition.name,
      version: row.version,
      author: row.author,
      trigger_type: row.trigger.triggerType,
    },
  };
}
