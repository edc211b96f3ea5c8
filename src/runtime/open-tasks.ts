/**
 * Which tasks of workers wait for a result.
 * Boundary: one read for a question; the question comes over the bus (ingress/bus/worker-messages.ts).
 */
import { queueOf } from "../engine/steps/worker-task/queue.ts";
import { type TaskPlace, taskIdOf } from "../engine/values/task.ts";
import type { Database } from "../store/database.ts";
import { findOpenTasks } from "../store/task-places.ts";
import type { GraphCache } from "./graphs.ts";
import type { WorkedQueue } from "./workers-seen.ts";

/** What answering needs. */
export interface OpenTasksDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
}

/** The ids of those of the tasks that are open in the queue. */
export async function openTasksOf(
  { database, graphs }: OpenTasksDeps,
  { workspaceId, queue }: WorkedQueue,
  asked: readonly TaskPlace[],
): Promise<string[]> {
  if (asked.length === 0) return [];
  const runIds = [...new Set(asked.map(({ runId }) => runId))];
  const open = await findOpenTasks(database.read, runIds, workspaceId);
  const versions = await graphs.require([...new Set(open.map(({ versionId }) => versionId))]);
  const ids = new Set(
    open.flatMap(({ runId, versionId, stepIndex, attempt }) => {
      const def = versions.get(versionId)?.steps[stepIndex]?.def;
      if (def === undefined || queueOf(def) !== queue) return [];
      return [taskIdOf({ runId, stepId: def.id, attempt })];
    }),
  );
  return asked.map(taskIdOf).filter((id) => ids.has(id));
}
