/**
 * What steps are to people, for lists and icons.
 * Boundary: pure. The behaviour of a step is chosen by kind-of.ts.
 */
import type { StepDefinition } from "../values/definition.ts";
import { workflowOf } from "./child-runs/setting.ts";
import { factsOf } from "./registry.ts";
import type { ShownKind } from "./types.ts";
import { queueOf } from "./worker-task/queue.ts";

/** Settings of `config.workflow` by which it runs several times. */
const REPEATS = ["for_each", "repeat_while"];

/** The kind of a step; undefined: its type is not set. */
export function shownKindOf(step: StepDefinition): ShownKind | undefined {
  const workflow = workflowOf(step);
  if (workflow !== undefined) {
    return REPEATS.some((key) => Object.hasOwn(workflow, key)) ? "loop" : "workflow";
  }
  if (queueOf(step) !== undefined) return "worker";
  return factsOf(step.stepType)?.shownAs;
}
