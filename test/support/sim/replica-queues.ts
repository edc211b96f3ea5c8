/** The parts of a replica that serve workers, wired as src/worker-queues.ts does, without heartbeats and questions. */
import {
  forgetPlaces,
  type LongTask,
  type LostTasksDeps,
  recoverTasks,
} from "../../../src/egress/tasks/lost-tasks.ts";
import { TaskPublisher } from "../../../src/egress/tasks/task-publisher.ts";
import type { TaskChanges } from "../../../src/engine/values/task.ts";
import { createLoop } from "../../../src/process/standing-loop.ts";
import { WorkersSeen } from "../../../src/runtime/workers-seen.ts";

/** What serving workers needs; `intervalMs` as RECONCILE_INTERVAL_MS. */
export interface QueuesDeps extends Omit<LostTasksDeps, "publisher"> {
  readonly replicaId: string;
  readonly intervalMs: number;
}

/** Starts them. */
export function startQueues(deps: QueuesDeps) {
  const { database, log, intervalMs } = deps;
  const publisher = new TaskPublisher({ ...deps, workers: new WorkersSeen() });
  publisher.start();
  const forgetting = createLoop({
    name: "forget places of tasks",
    everyMs: intervalMs,
    log,
    round: () => forgetPlaces(database).then(() => false),
  });
  forgetting.start();
  return {
    take: (changes: TaskChanges) => publisher.take(changes),
    recover: (tasks: readonly LongTask[]) => recoverTasks({ ...deps, publisher }, tasks),
    async stop() {
      await forgetting.stop();
      await publisher.stop();
    },
  };
}
