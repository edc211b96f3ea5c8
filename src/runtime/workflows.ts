/**
 * Changes of workflows beside their versions: made, updated, archived, deleted.
 * Boundary: decides what may be changed and which events report it; rows are store/workflow-details.ts.
 * Invariants:
 * 1. The definition is locked first, then the starts of all (store/closed-workflows.ts).
 * 2. Once Archive or Delete is committed no run of the workflow begins, at whichever replica it was on its way.
 * 3. An archived definition has no trigger key and no schedule, so that events and slots find nothing of it.
 */
import { triggerKeyOf } from "../engine/matching/keys.ts";
import type { RunLimit } from "../engine/values/run-limit.ts";
import { type WorkflowStatus, workflowStatus } from "../engine/values/workflow-status.ts";
import { newDefinitionId } from "../process/ids.ts";
import { Refusal } from "../process/refusal.ts";
import { closeWorkflow, lockStartsOfAll, openWorkflow } from "../store/closed-workflows.ts";
import type { Tx } from "../store/database.ts";
import { insertDefinition, type NewDefinition } from "../store/definitions.ts";
import { isTakenKey } from "../store/pg-errors.ts";
import { type DefinitionRow, findVersions } from "../store/reads/definitions.ts";
import { type DeploymentState, findCurrentDeployments } from "../store/reads/deployments.ts";
import { findPauses } from "../store/reads/pauses.ts";
import { EVERY_WORKSPACE } from "../store/reads/visibility.ts";
import { saveRunLimit } from "../store/run-limits.ts";
import { deleteSchedule } from "../store/schedules.ts";
import {
  type DefinitionWords,
  deleteDefinition,
  findDetails,
  hasOpenRuns,
  hasRuns,
  NO_DETAILS,
  saveDetails,
  saveListening,
  saveWords,
  type WorkflowDetails,
} from "../store/workflow-details.ts";
import type { NewDraft } from "../store/workflow-drafts.ts";
import { createdEvents, type WorkflowChange, workflowEvent } from "./definition-events.ts";
import {
  commitWithEvents,
  type DefinitionDeps,
  keepSchedule,
  lockSeen,
  requireNames,
  takenName,
} from "./definitions.ts";
import { insertDraft } from "./workflow-drafts.ts";

/** Who changes a workflow, and why; "" where the call does not say. */
export interface Order {
  readonly by: string;
  readonly reason: string;
}

/** A change of one workflow; a `workspaceId` of "" takes any workspace's. */
export interface WorkflowOrder extends Order {
  readonly definitionId: string;
  readonly workspaceId: string;
}

/** A workflow to make. */
export interface NewWorkflow extends Omit<NewDefinition, "id">, Order {
  readonly owner: string;
  readonly team: string;
  readonly runLimit: RunLimit;
  /** Undefined: it begins without one. */
  readonly draft: Omit<NewDraft, "etag" | "baseVersion"> | undefined;
}

/** What of a workflow is to be changed; what is left out stays. */
export type WorkflowUpdate = Partial<
  DefinitionWords & WorkflowSettings & { readonly runLimit: RunLimit }
>;

type WorkflowSettings = Pick<
  WorkflowDetails,
  "owner" | "team" | "highFailureRate" | "announcesStarts"
>;

/** Makes a workflow without versions. Refuses invalid_fields and already_exists. Gives its id, as all changes do. */
export async function createWorkflow(
  deps: DefinitionDeps,
  { owner, team, runLimit, draft, by, reason, ...wanted }: NewWorkflow,
): Promise<string> {
  requireNames(wanted);
  return commitWithEvents(deps, async (tx) => {
    const row = await insertDefinition(tx, { ...wanted, id: newDefinitionId() });
    if (row === undefined) throw await takenName(tx, wanted);
    if (owner !== "" || team !== "") {
      await saveDetails(tx, row.id, { ...NO_DETAILS, owner, team });
    }
    if (runLimit.maxOpenRuns > 0) await saveRunLimit(tx, limited(row), runLimit);
    if (draft !== undefined) await insertDraft(tx, row, draft);
    const events = createdEvents(row, by, reason);
    return { row: row.id, madeId: row.id, definitionId: row.id, events };
  });
}

/** Changes what a workflow is called and whose it is. Refuses not_found, etag_mismatch, invalid_fields and already_exists. */
export async function updateWorkflow(
  deps: DefinitionDeps,
  order: WorkflowOrder & { readonly etag: string },
  { name, description, tags, runLimit, ...settings }: WorkflowUpdate,
): Promise<string> {
  const taken: { workspaceId: string; name: string }[] = [];
  try {
    return await change(deps, order, async (tx, row, details) => {
      const stored = String(details.revision);
      if (order.etag !== stored) throw mismatch(row.id, order.etag, stored);
      const named = wordsOf(row, { name, description, tags });
      requireNames({ ...row, ...named });
      taken.push({ workspaceId: row.workspaceId, name: named.name });
      const saved = await saveWords(tx, row.id, named);
      if (runLimit !== undefined) {
        // A start that is on its way was not counted.
        await lockStartsOfAll(tx);
        await saveRunLimit(tx, limited(row), runLimit);
      }
      return { row: saved, details: { ...details, ...settings }, operation: "updated" };
    });
  } catch (error) {
    const [wanted] = taken;
    if (wanted === undefined || !isTakenKey(error)) throw error;
    throw await takenName(deps.database.callers, wanted);
  }
}

function limited({ id: definitionId, workspaceId }: DefinitionRow) {
  return { definitionId, workspaceId };
}

/** Lets nothing start runs of a workflow. Refuses not_found, and illegal_move where it is not paused and runs of it are open. */
export function archiveWorkflow(deps: DefinitionDeps, order: WorkflowOrder): Promise<string> {
  return change(deps, order, async (tx, before, details) => {
    const { id } = before;
    if (details.archivedAt !== null) return undefined;
    await deleteSchedule(tx, id);
    const row = await saveListening(tx, id, undefined);
    await lockStartsOfAll(tx);
    // Those that were on their way have come or gone.
    await requireRest(tx, before);
    await closeWorkflow(tx, id, "archived");
    return { row, details: { ...details, archivedAt: row.updatedAt }, operation: "archived" };
  });
}

/** Lets the latest version start runs again. Refuses not_found. */
export function unarchiveWorkflow(deps: DefinitionDeps, order: WorkflowOrder): Promise<string> {
  return change(deps, order, async (tx, { id, latestVersionId }, details) => {
    if (details.archivedAt === null) return undefined;
    await openWorkflow(tx, id);
    const ids = latestVersionId === null ? [] : [latestVersionId];
    const [version] = await findVersions(tx, EVERY_WORKSPACE, ids);
    const row = await saveListening(tx, id, version && triggerKeyOf(version.trigger));
    // Slots that passed meanwhile are not started.
    if (version !== undefined) await keepSchedule(tx, { definition: row, version }, row.updatedAt);
    return { row, details: { ...details, archivedAt: null }, operation: "updated" };
  });
}

/** Deletes a workflow with all that is its. Refuses not_found and has_runs. */
export function deleteWorkflow(
  deps: DefinitionDeps,
  { definitionId, workspaceId, by, reason }: WorkflowOrder,
): Promise<string> {
  return commitWithEvents(deps, async (tx) => {
    const row = await lockSeen(tx, { definitionId, workspaceId });
    await requireNoRuns(tx, row);
    await deleteDefinition(tx, row);
    // Starts of all workflows wait from here on, so what takes a while is done. Those under way until now count.
    await lockStartsOfAll(tx);
    await requireNoRuns(tx, row);
    const at = await closeWorkflow(tx, definitionId, "deleted");
    const events = [workflowEvent(row, { operation: "deleted", of: "0", at, by, reason })];
    return { row: definitionId, madeId: definitionId, definitionId, events };
  });
}

async function requireNoRuns(tx: Tx, definition: DefinitionRow): Promise<void> {
  if (!(await hasRuns(tx, definition))) return;
  const resource = { type: "definition", name: definition.id };
  const message = `runs of workflow "${definition.name}" are stored: Archive it, and nothing starts further ones`;
  const from = await statusOf(tx, definition);
  throw new Refusal("has_runs", message, { resource, from, to: "DELETED" });
}

/** A workflow that starts runs is archived when they have ended. Who pauses it first has seen that it goes on with them. */
async function requireRest(tx: Tx, definition: DefinitionRow): Promise<void> {
  if (!(await hasOpenRuns(tx, definition.id))) return;
  const from = await statusOf(tx, definition);
  if (from === "PAUSED") return;
  const resource = { type: "definition", name: definition.id };
  const message = `runs of workflow "${definition.name}" are open: Pause it first, or let them end`;
  throw new Refusal("illegal_move", message, { resource, from, to: "ARCHIVED" });
}

/** The status of a workflow that is locked, as Get shows it. */
async function statusOf(tx: Tx, { id, latestVersion }: DefinitionRow): Promise<WorkflowStatus> {
  const { archivedAt } = await findDetails(tx, id);
  const isPaused = (await findPauses(tx, EVERY_WORKSPACE, [id])).size > 0;
  const current = await findCurrentDeployments(tx, EVERY_WORKSPACE, [id]);
  const isThere = (wanted: DeploymentState) =>
    current.some(({ state }) => state === wanted) ? "" : undefined;
  const { status } = workflowStatus({
    ...{ archivedAt: archivedAt ?? undefined, paused: isPaused ? "" : undefined },
    ...{ pendingDeployment: isThere("PENDING_APPROVAL"), deployedElsewhere: isThere("ACTIVE") },
    ...{ deployedVersion: latestVersion, hasDraft: false },
  });
  return status;
}

interface Changed {
  readonly row: DefinitionRow;
  readonly details: WorkflowDetails;
  readonly operation: WorkflowChange["operation"];
}

/** Changes a workflow that is locked; undefined: it stays as it is. */
function change(
  deps: DefinitionDeps,
  { definitionId, workspaceId, by, reason }: WorkflowOrder,
  make: (tx: Tx, row: DefinitionRow, details: WorkflowDetails) => Promise<Changed | undefined>,
): Promise<string> {
  return commitWithEvents(deps, async (tx) => {
    const before = await lockSeen(tx, { definitionId, workspaceId });
    const details = await findDetails(tx, definitionId);
    const changed = await make(tx, before, details);
    const done = { row: definitionId, madeId: definitionId, definitionId };
    if (changed === undefined) return { ...done, events: [] };
    const { row, operation } = changed;
    const revision = details.revision + 1;
    await saveDetails(tx, definitionId, { ...changed.details, revision });
    const of = String(revision);
    const event = workflowEvent(row, { operation, of, at: row.updatedAt, by, reason });
    return { ...done, events: [event] };
  });
}

function wordsOf(row: DefinitionRow, wanted: WorkflowUpdate): DefinitionWords {
  const { name = row.name, description = row.description, tags = row.tags } = wanted;
  return { name, description, tags };
}

function mismatch(definitionId: string, sent: string, stored: string): Refusal {
  const resource = { type: "definition", name: definitionId };
  const message = `the workflow has etag "${stored}", not "${sent}": read it again`;
  return new Refusal("etag_mismatch", message, { resource, etags: { sent, stored } });
}
