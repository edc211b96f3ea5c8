/**
 * The events of definitions, versions and workflows, as they are appended to the outbox.
 * Boundary: values; who appends them is decided beside the change.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { DefinitionRow, VersionRow } from "../store/reads/definitions.ts";

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
export function workflowEvent(row: DefinitionRow, change: WorkflowChange): JsonObject {
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
