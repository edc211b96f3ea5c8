/**
 * The events of definitions, versions and workflows, as they are appended to the outbox.
 * Boundary: values; who appends them is decided beside the change.
 */
import { PRODUCTION } from "../engine/values/environment.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Run } from "../engine/values/run.ts";
import type { DefinitionRow, VersionRow } from "../store/reads/definitions.ts";
import type { DeploymentRow } from "../store/reads/deployments.ts";

/** A version, and its definition with the new latest version. */
export interface Published {
  readonly definition: DefinitionRow;
  readonly version: VersionRow;
}

/** What happens to a workflow beside its definition and versions: `workflows.changes.workflow.<operation>`. */
export const WORKFLOW_OPERATIONS = [
  "created",
  "updated",
  "archived",
  "deleted",
  "edited",
  "draft_saved",
  "published",
  "draft_discarded",
  "activated",
  "deployment_changed",
  "refused",
  "triggered",
  "schedules_paused",
] as const;

/** A change of a workflow that an event reports. */
export interface WorkflowChange {
  readonly operation: (typeof WORKFLOW_OPERATIONS)[number];
  /** Tells it from others of its operation: a revision, an etag, the id of a version. */
  readonly of: string;
  readonly at: Date;
  /** "": the call does not say. */
  readonly by: string;
  readonly reason: string;
  readonly more?: JsonObject;
}

/** The event of a workflow that was changed. */
export function workflowEvent(
  row: Pick<DefinitionRow, "id" | "workspaceId" | "name">,
  change: WorkflowChange,
): JsonObject {
  const { operation, of, at, by, reason, more } = change;
  return {
    id: `${row.id}-${operation}-${of}`,
    type: `workflows.changes.workflow.${operation}`,
    workspaceId: row.workspaceId,
    aggregateId: row.id,
    aggregateType: "workflow",
    operation,
    recordedAt: at.toISOString(),
    payload: {
      ...{ id: row.id, workspace_id: row.workspaceId, name: row.name, by, reason },
      ...more,
    },
  };
}

/** The events of a definition that was made: the contract's, and that of its workflow. */
export function createdEvents(row: DefinitionRow, by: string, reason: string): JsonObject[] {
  const change = { operation: "created", of: "0", at: row.createdAt, by, reason } as const;
  return [createdEvent(row), workflowEvent(row, change)];
}

/** The events of a version that was published: the contract's, and those of its workflow. `isActive`: it is in production now. */
export function publishedEvents(
  published: Published,
  { by, note: reason }: { readonly by: string; readonly note: string },
  isActive: boolean,
): JsonObject[] {
  const { definition, version } = published;
  const { createdAt: at, version: number, id } = version;
  const more = { version: number, version_id: id };
  const change = { of: id, at, by, reason } as const;
  const events = [
    publishedEvent(published),
    workflowEvent(definition, { ...change, operation: "published", more }),
  ];
  if (!isActive) return events;
  const activated = { ...more, environment: PRODUCTION };
  const activation = { ...change, operation: "activated", more: activated } as const;
  return [...events, workflowEvent(definition, activation)];
}

/** The event of a deployment whose state is another one: `activated` where its version is in production now. */
export function deploymentEvent(
  definition: DefinitionRow,
  row: DeploymentRow,
  by: string,
  reason: string,
): JsonObject {
  const { id, environment, state, version, versionId } = row;
  const isActivation = state === "ACTIVE" && environment === PRODUCTION;
  const ofState = { ACTIVE: row.activeAt, PENDING_APPROVAL: row.at };
  const at = (state in ofState ? ofState[state as keyof typeof ofState] : row.endedAt) ?? row.at;
  return workflowEvent(definition, {
    operation: isActivation ? "activated" : "deployment_changed",
    ...{ of: `${id}-${state.toLowerCase()}`, at, by, reason },
    more: { environment, version, version_id: versionId, deployment_id: id, state },
  });
}

/** The event of a run that began, for a workflow that announces its starts. The row of the workflow is not read for it. */
export function triggeredEvent(run: Run, at: Date): JsonObject {
  const { id: runId, workspaceId, definitionId, definitionVersion: version } = run;
  const { initiatorUserId, initiatorAgentId, triggerType, triggerEventId } = run;
  const operation = "triggered";
  return {
    ...{ id: `${definitionId}-${operation}-${runId}`, workspaceId, operation },
    type: `workflows.changes.workflow.${operation}`,
    ...{ aggregateId: definitionId, aggregateType: "workflow", recordedAt: at.toISOString() },
    payload: {
      ...{ id: definitionId, workspace_id: workspaceId, by: initiatorUserId || initiatorAgentId },
      ...{ run_id: runId, version, environment: run.environment ?? PRODUCTION },
      ...{ trigger_type: triggerType, trigger_event_id: triggerEventId },
    },
  };
}

/** The event of a definition that was made. */
function createdEvent(row: DefinitionRow): JsonObject {
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
function publishedEvent({ definition, version: row }: Published): JsonObject {
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
