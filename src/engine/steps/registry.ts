/** Every step type with its facts. A new type does not compile until it is listed here and in behaviours.ts. */
import { agentActionFacts } from "./agent-action/facts.ts";
import { approvalGateFacts } from "./approval-gate/facts.ts";
import { branchFacts } from "./branch/facts.ts";
import type { StepFacts } from "./facts.ts";
import { governanceCheckFacts } from "./governance-check/facts.ts";
import { humanTaskFacts } from "./human-task/facts.ts";
import { notificationFacts } from "./notification/facts.ts";
import { parallelFacts } from "./parallel/facts.ts";
import type { StepType } from "./types.ts";
import { waitForEventFacts } from "./wait-for-event/facts.ts";

/** The facts of each step type. */
export const STEP_FACTS: Readonly<Record<StepType, StepFacts>> = {
  AGENT_ACTION: agentActionFacts,
  APPROVAL_GATE: approvalGateFacts,
  GOVERNANCE_CHECK: governanceCheckFacts,
  WAIT_FOR_EVENT: waitForEventFacts,
  BRANCH: branchFacts,
  PARALLEL: parallelFacts,
  NOTIFICATION: notificationFacts,
  HUMAN_TASK: humanTaskFacts,
};

/** The facts of a step in an unchecked version; undefined while its type is not set. */
export function factsOf(type: StepType | "UNSPECIFIED"): StepFacts | undefined {
  return type === "UNSPECIFIED" ? undefined : STEP_FACTS[type];
}
