/**
 * Pausing and resuming workflows, and starting triggers that were missed.
 * Boundary: decides what is stored and which events report it; missed triggers are noted and started by missed-triggers.ts.
 * Invariant: each change locks the definition first and its pause second, so that of two changes one sees the other.
 */
import { PRODUCTION } from "../engine/values/environment.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { Refusal } from "../process/refusal.ts";
import type { Tx } from "../store/database.ts";
import { lockDefinition } from "../store/definitions.ts";
import {
  holdMissed,
  releaseMissed,
  replayMissed,
  sumMissedBytes,
  type WantedMissed,
} from "../store/missed-triggers.ts";
import { countMissed, endPause, lockPauses, type PauseRow, putPause } from "../store/pauses.ts";
import type { DefinitionRow } from "../store/reads/definitions.ts";
import { findDetails } from "../store/workflow-details.ts";
import { commitWithEvents, type DefinitionDeps } from "./definitions.ts";

export type { WantedMissed } from "../store/missed-triggers.ts";

/** Which definition; without a workspace it may be any workspace's. */
export interface OfDefinition {
  readonly definitionId: string;
  readonly workspaceId: string;
  /** Who calls, as it is recorded; "" where the call does not say. */
  readonly by: string;
  readonly reason: string;
}

/** A pause that is wanted; `queueSeconds` 0: triggers are dropped. */
export interface WantedPause extends OfDefinition {
  readonly queueSeconds: number;
}

/** Of a call: more are taken by the next one. */
const REPLAYED_AT_MOST = 1_000;

/** Pauses a workflow, or changes its pause. Refuses not_found. */
export function pauseWorkflow(deps: DefinitionDeps, wanted: WantedPause): Promise<PauseRow> {
  const { definitionId, by: pausedBy, reason, queueSeconds } = wanted;
  return commitWithEvents(deps, async (tx) => {
    const definition = await requireLocked(tx, wanted);
    const { workspaceId } = definition;
    const before = (await lockPauses(tx, [definitionId])).get(definitionId);
    const keptBytes = await sumMissedBytes(tx, definitionId);
    const pause = { definitionId, workspaceId, pausedBy, reason, queueSeconds, keptBytes };
    const put = await putPause(tx, pause);
    const row = before === undefined ? await withHeld(tx, put) : put;
    const at = row.pausedAt;
    const facts = { reason, by: pausedBy, on_missed: queueSeconds > 0 ? "queue" : "drop" };
    const events = before === undefined ? [changeOf(definition, "paused", at, at, facts)] : [];
    return { row, madeId: definitionId, definitionId, events };
  });
}

/** A new pause with what was about to start by the one before it: it counts as missed in this one. */
async function withHeld(tx: Tx, pause: PauseRow): Promise<PauseRow> {
  const { definitionId, queueSeconds } = pause;
  const missed = await holdMissed(tx, definitionId, queueSeconds);
  if (missed === 0) return pause;
  const queued = queueSeconds > 0 ? missed : 0;
  await countMissed(tx, [{ definitionId, missed, queued, bytes: 0 }]);
  return { ...pause, missed, queued };
}

/** Ends the pause of a workflow; gives how many queued triggers start. Refuses not_found. */
export function resumeWorkflow(deps: DefinitionDeps, wanted: OfDefinition): Promise<number> {
  const { definitionId, by, reason } = wanted;
  return commitWithEvents(deps, async (tx) => {
    const definition = await requireLocked(tx, wanted);
    const ended = await endPause(tx, definitionId);
    const none = { row: 0, madeId: definitionId, definitionId, events: [] };
    if (ended === undefined) return none;
    const { pausedAt, endedAt } = ended;
    const starting = await releaseMissed(tx, definitionId);
    const facts = { reason, by, missed: ended.missed, starting };
    const events = [changeOf(definition, "resumed", pausedAt, endedAt, facts)];
    const { latestVersion: version, latestVersionId: versionId } = definition;
    // An archived workflow starts nothing without a pause either.
    const { archivedAt } = await findDetails(tx, definitionId);
    if (versionId !== null && archivedAt === null) {
      const started = { by, reason, environment: PRODUCTION, version, version_id: versionId };
      events.push(changeOf(definition, "activated", pausedAt, endedAt, started));
    }
    return { ...none, row: starting, events };
  });
}

/** Has missed triggers started. Refuses not_found and workflow_paused. */
export function replayTriggers(
  deps: DefinitionDeps,
  of: OfDefinition,
  wanted: WantedMissed,
): Promise<{ starting: number; more: boolean }> {
  const { definitionId } = of;
  return commitWithEvents(deps, async (tx) => {
    await requireLocked(tx, of);
    const pause = (await lockPauses(tx, [definitionId])).get(definitionId);
    if (pause !== undefined) throw pausedRefusal(definitionId, pause.reason);
    const row = await replayMissed(tx, wanted, REPLAYED_AT_MOST);
    return { row, madeId: definitionId, definitionId, events: [] };
  });
}

/** Why nothing starts a run of a workflow. */
export function pausedRefusal(definitionId: string, reason: string): Refusal {
  const resource = { type: "workflow", name: definitionId };
  const why = reason === "" ? "" : ` (${reason})`;
  const message = `workflow ${definitionId} is paused${why}; Workflows.Resume ends the pause`;
  return new Refusal("workflow_paused", message, { resource, from: "PAUSED", to: "TRIGGERED" });
}

async function requireLocked(
  tx: Tx,
  { definitionId, workspaceId }: OfDefinition,
): Promise<DefinitionRow> {
  const definition = await lockDefinition(tx, definitionId);
  if (definition !== undefined && ["", definition.workspaceId].includes(workspaceId)) {
    return definition;
  }
  const resource = { type: "definition", name: definitionId };
  throw new Refusal("not_found", `there is no definition ${definitionId}`, { resource });
}

function changeOf(
  { id, workspaceId, name }: DefinitionRow,
  operation: string,
  pausedAt: Date,
  recordedAt: Date,
  facts: JsonObject,
): JsonObject {
  return {
    ...{ id: `${id}-${operation}-${pausedAt.getTime()}`, workspaceId },
    type: `workflows.changes.workflow.${operation}`,
    ...{ aggregateId: id, aggregateType: "workflow", operation },
    recordedAt: recordedAt.toISOString(),
    payload: { definition_id: id, workspace_id: workspaceId, name, ...facts },
  };
}
