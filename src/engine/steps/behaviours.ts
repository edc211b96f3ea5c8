/** Every step type and the file that is its behaviour; a new type does not compile until it stands here. */
import type { StepType } from "../definition.ts";
import { agentAction } from "./agent-action/behaviour.ts";
import { approvalGate } from "./approval-gate/behaviour.ts";
import { branch } from "./branch/behaviour.ts";
import type { StepKind } from "./contract.ts";
import { governanceCheck } from "./governance-check/behaviour.ts";
import { humanTask } from "./human-task/behaviour.ts";
import { notification } from "./notification/behaviour.ts";
import { parallel } from "./parallel/behaviour.ts";
import { waitForEvent } from "./wait-for-event/behaviour.ts";

/** The behaviour of each step type. */
export const STEP_KINDS: Readonly<Record<StepType, StepKind>> = {
  AGENT_ACTION: agentAction,
  APPROVAL_GATE: approvalGate,
  GOVERNANCE_CHECK: governanceCheck,
  WAIT_FOR_EVENT: waitForEvent,
  BRANCH: branch,
  PARALLEL: parallel,
  NOTIFICATION: notification,
  HUMAN_TASK: humanTask,
};
