/** The internal kind of a step, which chooses its behaviour. Pure. */
import type { StepDefinition } from "../values/definition.ts";
import { workflowOf } from "./child-runs/setting.ts";
import type { StepKind, StepType } from "./types.ts";
import { queueOf } from "./worker-task/queue.ts";

/** CHILD_RUNS with config.workflow, WORKER_TASK with config.queue, else the step's type. */
export function kindOf(step: StepDefinition, type: StepType): StepKind {
  if (workflowOf(step) !== undefined) return "CHILD_RUNS";
  return queueOf(step) === undefined ? type : "WORKER_TASK";
}
