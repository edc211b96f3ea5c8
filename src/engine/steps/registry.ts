/** Every step type and the file that is its behaviour; a new type does not compile until it stands here. */
import type { StepType } from "../definition.ts";
import { agentAction } from "./agent-action.ts";
import { approvalGate } from "./approval-gate.ts";
import { branch } from "./branch.ts";
import type { StepKind } from "./contract.ts";
import { governanceCheck } from "./governance-check.ts";
import { humanTask } from "./human-task.ts";
import { notification } from "./notification.ts";
import { parallel } from "./parallel.ts";
import { waitForEvent } from "./wait-for-event.ts";

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
