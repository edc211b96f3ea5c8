/**
 * A workflow as an entity: the fields that callers read and write.
 * Boundary: what the service shows → the entity. No calls.
 */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Workflow } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import type { ActionStep, Content } from "./compile/content.ts";
import type { ErrorHandling } from "./compile/policies.ts";
import { type Status, statusOf } from "./states.ts";

/** What is known of a workflow without what it does. */
export interface WorkflowSummary {
  /** The definition's id, such as `wf_…`. */
  readonly $id: string;
  readonly $type: "Workflow";
  readonly name: string;
  readonly description: string;
  /** The workspace. */
  readonly organization: string;
  readonly status: Status;
  /** Why it has the status, a sentence each. */
  readonly statusReasons: readonly string[];
  /** The version that starts runs in production; 0: none was activated yet. */
  readonly version: number;
  /** When the last run started. */
  readonly lastRunAt: Date | undefined;
  readonly runCount: number;
  readonly successCount: number;
  readonly failureCount: number;
  /** Runs that have not ended. */
  readonly openRuns: number;
}

/** A workflow. Of one that was not made by `create` the last five fields have what can be said in their words. */
export interface WorkflowEntity extends WorkflowSummary, Content {}

/** A workflow that `trigger` has started. */
export interface TriggeredWorkflow extends WorkflowEntity {
  readonly runId: string;
}

/** What `create` takes. */
export interface NewWorkflow extends WorkflowChanges {
  readonly name: string;
  /** The type of the event that starts it, such as `Deal.won`. */
  readonly triggerEvent: string;
  /** The workspace; it can be no other one. */
  readonly organization?: string;
}

/** What `update` takes: the fields that change. null, as an empty text or list, takes a field away; a name stays. */
export interface WorkflowChanges {
  readonly name?: string;
  readonly description?: string | null;
  readonly triggerEvent?: string | null;
  /** A list, or its JSON text. */
  readonly steps?: readonly ActionStep[] | string | null;
  /** Of each step: `3 x exponential 10s`, `3 x fixed 10s`, or JSON. */
  readonly retryPolicy?: string | RetryPolicyFields | null;
  /** Stop unless given. */
  readonly errorHandling?: ErrorHandling | "" | null;
  /** The deadline of a run in ms; whole seconds are kept, rounded up. */
  readonly timeout?: number | null;
}

/** A retry policy. Exactly one of the first two is given. */
export interface RetryPolicyFields {
  /** With the first attempt. */
  readonly maxAttempts?: number;
  /** Without the first attempt. */
  readonly maxRetries?: number;
  /** `fixed` unless given. */
  readonly backoff?: "fixed" | "exponential";
  /** The pause before the first retry: such as `10s`, or a number of ms. */
  readonly delay?: string | number;
  /** By how much each pause is longer than the one before. */
  readonly factor?: number;
}

/** The fields that `update` takes, and besides them those of `create`. */
export const CHANGED_FIELDS = [
  ...["name", "description", "triggerEvent", "steps", "retryPolicy", "errorHandling", "timeout"],
];
export const CREATED_FIELDS = [...CHANGED_FIELDS, "organization"];
/** Fields that nobody writes. */
export const READ_FIELDS = [
  ...["$id", "$type", "status", "statusReasons", "version", "lastRunAt"],
  ...["runCount", "successCount", "failureCount", "openRuns"],
];

/** What the service shows, as the entity without its content. */
export function summaryOf(workflow: Workflow): WorkflowSummary {
  const { definition, metrics, statusReasons } = workflow;
  return {
    $id: definition?.id ?? "",
    $type: "Workflow",
    name: definition?.name ?? "",
    description: definition?.description ?? "",
    organization: definition?.workspaceId ?? "",
    status: statusOf(workflow),
    statusReasons,
    version: definition?.latestVersion ?? 0,
    lastRunAt: metrics?.lastRunAt === undefined ? undefined : timestampDate(metrics.lastRunAt),
    runCount: Number(metrics?.runCount ?? 0n),
    successCount: Number(metrics?.successCount ?? 0n),
    failureCount: Number(metrics?.failureCount ?? 0n),
    openRuns: Number(metrics?.openRuns ?? 0n),
  };
}
