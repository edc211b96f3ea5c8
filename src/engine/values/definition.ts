/**
 * What an author publishes: steps, edges and trigger of one immutable version, as plain values.
 * Boundary: names are those of the wire without the enum prefix; unset strings are "", unset numbers 0.
 */

import type { StepType } from "../steps/types.ts";
import type { JsonObject } from "./json.ts";

/** Trigger types in the order of their wire numbers (workflows.v1.TriggerType 1..5). */
export const TRIGGER_TYPES = ["EVENT", "SCHEDULE", "MANUAL", "WEBHOOK", "WORKFLOW"] as const;
/** What starts runs of a version. */
export type TriggerType = (typeof TRIGGER_TYPES)[number];

/** How failed attempts of a step are repeated (workflows.v1.RetryPolicy). */
export interface RetryPolicy {
  /** Further attempts after the first, 0 to 1000. */
  readonly maxRetries: number;
  /** Seconds before the first retry; 0 = at once. */
  readonly backoffSeconds: number;
  /** Factor per further retry; below 1 means 1. */
  readonly backoffMultiplier: number;
}

/** One step of a version (workflows.v1.StepDefinition). */
export interface StepDefinition {
  readonly id: string;
  readonly name: string;
  /** "UNSPECIFIED" only before the version is checked. */
  readonly stepType: StepType | "UNSPECIFIED";
  readonly agentId: string;
  readonly requiredCapability: string;
  readonly actionType: string;
  readonly riskLevel: string;
  readonly eventTypePattern: string;
  readonly eventSubjectPattern: string;
  readonly notificationChannel: string;
  readonly notificationTemplate: string;
  readonly conditionExpr: string;
  readonly compensationStepId: string;
  readonly config: JsonObject;
  /** The author sent a config without fields; unset: an empty config was not sent. */
  readonly emptyConfig?: true;
  /** WAIT_FOR_EVENT: fields of the event that its filter compares (expression/equality.ts), set when it is published. */
  readonly eventPaths?: string;
  /** Unset: the version's default policy holds. */
  readonly retryPolicy?: RetryPolicy;
  /** Seconds per attempt; 0 = none. */
  readonly timeoutSeconds: number;
  readonly promptName: string;
  readonly skillId: string;
}

/** One edge of a version (workflows.v1.Edge). */
export interface EdgeDefinition {
  readonly fromStepId: string;
  readonly toStepId: string;
  readonly conditionExpr: string;
  readonly label: string;
}

/** What starts runs (workflows.v1.WorkflowTrigger). */
export interface TriggerDefinition {
  readonly triggerType: TriggerType;
  readonly eventType: string;
  readonly eventSubject: string;
  readonly tapProvider: string;
  readonly tapEntityType: string;
  readonly tapAction: string;
  readonly cronExpr: string;
  readonly parentWorkflowId: string;
  readonly filterExpr: string;
  /** How a MANUAL trigger without a type was sent: no message, or one without fields; unset: its type was given. */
  readonly written?: "unset" | "empty";
}

/** Everything an author publishes at once (workflows.v1.PublishVersionRequest). */
export interface VersionSpec {
  readonly steps: readonly StepDefinition[];
  readonly edges: readonly EdgeDefinition[];
  readonly trigger: TriggerDefinition;
  readonly defaultRetryPolicy?: RetryPolicy;
  /** The run's deadline in seconds from its start; 0 = none. */
  readonly timeoutSeconds: number;
  readonly author: string;
}
