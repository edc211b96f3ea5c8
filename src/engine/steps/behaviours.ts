/** Every step type with its behaviour. A new type does not compile until it is listed here and in registry.ts. */
import { agentAction } from "./agent-action/behaviour.ts";
import { approvalGate } from "./approval-gate/behaviour.ts";
import { branch } from "./branch/behaviour.ts";
import { childRuns } from "./child-runs/behaviour.ts";
import type { StepBehaviour } from "./contract.ts";
import { governanceCheck } from "./governance-check/behaviour.ts";
import { humanTask } from "./human-task/behaviour.ts";
import { notification } from "./notification/behaviour.ts";
import { parallel } from "./parallel/behaviour.ts";
import type { StepKind } from "./types.ts";
import { waitForEvent } from "./wait-for-event/behaviour.ts";
import { workerTask } from "./worker-task/behaviour.ts";

/** The behaviour of each step kind. */
export const BEHAVIOURS: Readonly<Record<StepKind, StepBehaviour>> = {
  AGENT_ACTION: agentAction,
  APPROVAL_GATE: approvalGate,
  GOVERNANCE_CHECK: governanceCheck,
  WAIT_FOR_EVENT: waitForEvent,
  BRANCH: branch,
  PARALLEL: parallel,
  NOTIFICATION: notification,
  HUMAN_TASK: humanTask,
  CHILD_RUNS: childRuns,
  WORKER_TASK: workerTask,
};
