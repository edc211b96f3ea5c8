/** The names of step types. Boundary: names; registry.ts and behaviours.ts define the types. */

/** Step types in the order of their wire numbers (workflows.v1.StepType 1..8). */
export const STEP_TYPES = [
  "AGENT_ACTION",
  "APPROVAL_GATE",
  "GOVERNANCE_CHECK",
  "WAIT_FOR_EVENT",
  "BRANCH",
  "PARALLEL",
  "NOTIFICATION",
  "HUMAN_TASK",
] as const;
/** A step's type. */
export type StepType = (typeof STEP_TYPES)[number];

/** A type, or an internal kind that some steps of a type compile to. */
export type StepKind = StepType | "CHILD_RUNS" | "WORKER_TASK";

/** What a step is to people. */
export type ShownKind =
  | "agent"
  | "approval"
  | "check"
  | "wait"
  | "logic"
  | "notify"
  | "task"
  | "worker"
  | "workflow"
  | "loop";
