/** The queue of an AGENT_ACTION that workers do, and the name of its open task. Pure. */
import type { Draft } from "../../draft/draft.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { ownValue } from "../../values/json.ts";
import { type TaskName, taskIdOf } from "../../values/task.ts";

/** `config.queue`; undefined for every other step. */
export function queueOf(step: StepDefinition): string | undefined {
  if (step.stepType !== "AGENT_ACTION") return undefined;
  const value = ownValue(step.config, "queue");
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The task of the step's present attempt. */
export function taskNameOf(draft: Draft, index: number): TaskName {
  const { def } = draft.step(index);
  const { id: runId, workspaceId } = draft.run;
  const attempt = draft.rows.peek(index).retryCount + 1;
  return {
    workspaceId,
    queue: queueOf(def) ?? "",
    id: taskIdOf({ runId, stepId: def.id, attempt }),
  };
}
