/**
 * How a workflow is, of what is known of it.
 * Boundary: pure; who knows a fact is the caller's.
 */

/** In the order of their wire numbers (workflows.ops.v1.WorkflowStatus 1..6). */
export const WORKFLOW_STATUSES = [
  "DRAFT",
  "DEPLOYED",
  "PAUSED",
  "PENDING_APPROVAL",
  "FAILED",
  "ARCHIVED",
] as const;

/** How a workflow is. */
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

/** A day's failures are reported when they are more than this share of its ended runs, unless the workflow has its own. */
export const HIGH_FAILURE_RATE = 0.1;

/** What the status follows from. A fact that is left out does not hold. */
export interface StatusFacts {
  readonly archivedAt?: Date | undefined;
  /** Why it is paused, a sentence. */
  readonly paused?: string | undefined;
  /** Which deployment waits for an approval, a sentence. */
  readonly pendingDeployment?: string | undefined;
  /** Why it cannot work, a sentence each. */
  readonly failures?: readonly string[];
  /** The version that starts runs in production; 0: none. */
  readonly deployedVersion: number;
  /** Another environment in which a version starts runs. */
  readonly deployedElsewhere?: string | undefined;
  readonly hasDraft: boolean;
}

/** A status and why, a sentence each. */
interface StatusWithReasons {
  readonly status: WorkflowStatus;
  readonly reasons: readonly string[];
}

/** The first status that holds. */
export function workflowStatus(facts: StatusFacts): StatusWithReasons {
  const { archivedAt, paused, pendingDeployment, failures = [], deployedVersion } = facts;
  if (archivedAt !== undefined) {
    return { status: "ARCHIVED", reasons: [`It was archived at ${archivedAt.toISOString()}.`] };
  }
  if (paused !== undefined) return { status: "PAUSED", reasons: [paused] };
  if (pendingDeployment !== undefined) {
    return { status: "PENDING_APPROVAL", reasons: [pendingDeployment] };
  }
  const { deployedElsewhere } = facts;
  if (deployedVersion === 0 && deployedElsewhere === undefined) {
    return { status: "DRAFT", reasons: [draftReason(facts)] };
  }
  if (failures.length > 0) return { status: "FAILED", reasons: failures };
  const reason =
    deployedVersion === 0
      ? `It starts runs in ${deployedElsewhere}, and none in production.`
      : `Version ${deployedVersion} starts runs.`;
  return { status: "DEPLOYED", reasons: [reason] };
}

function draftReason({ hasDraft }: StatusFacts): string {
  return hasDraft ? "Its draft is not published." : "No version of it is published.";
}
