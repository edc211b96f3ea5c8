/**
 * Tasks as the JSON that workers read (docs/worker-protocol.md).
 * Boundary: pure; how many tasks a message holds is egress' choice.
 */
import type { JsonObject } from "../../engine/values/json.ts";
import { taskIdOf, type WorkerTask } from "../../engine/values/task.ts";

/** A task as compact JSON. */
export function taskText(task: WorkerTask, traceparent: string): string {
  const { runId, stepId, attempt, timeoutAtMs } = task;
  const fields: JsonObject = {
    id: taskIdOf(task),
    run_id: runId,
    step_id: stepId,
    attempt,
    idempotency_key: `${runId}/${stepId}`,
    definition_id: task.definitionId,
    action_type: task.actionType,
    title: task.title,
    instructions: task.instructions,
    parameters: task.parameters,
    input: task.input,
    queued_at: new Date(task.queuedAtMs).toISOString(),
    ...(timeoutAtMs === undefined ? {} : { timeout_at: new Date(timeoutAtMs).toISOString() }),
    traceparent,
  };
  return JSON.stringify(fields);
}

/** A message of tasks, from their texts. */
export function tasksBody(texts: readonly string[]): string {
  return `{"tasks":[${texts.join(",")}]}`;
}

/** A message of tasks that need no result any more. */
export function cancelBody(ids: readonly string[]): string {
  return JSON.stringify({ tasks: ids });
}

/** The reply to the question which tasks are open. */
export function openBody(ids: readonly string[]): string {
  return JSON.stringify({ open: ids });
}
