/**
 * The parts that serve workers, made and stopped together: tasks out; results, heartbeats and questions in.
 * Boundary: wiring, as main.ts.
 */
import { forgetPlaces, type LongTask, recoverTasks } from "./egress/tasks/lost-tasks.ts";
import { lookAtQueues, type QueueWatchDeps, startQueueWatch } from "./egress/tasks/queue-watch.ts";
import { TaskPublisher, type TaskPublisherDeps } from "./egress/tasks/task-publisher.ts";
import type { TaskChanges } from "./engine/values/task.ts";
import { stopInTime } from "./ingress/bus/bus-consumers.ts";
import { type ResultConsumerDeps, startResultConsumer } from "./ingress/bus/result-consumer.ts";
import { listenToWorkers } from "./ingress/bus/worker-messages.ts";
import { createLoop } from "./process/standing-loop.ts";
import type { GraphCache } from "./runtime/graphs.ts";
import type { QueueSeen, ReplicaView } from "./runtime/replica-view.ts";
import { type WorkedQueue, WorkersSeen } from "./runtime/workers-seen.ts";

/** What serving workers needs. */
export interface WorkerQueuesDeps
  extends Omit<TaskPublisherDeps, "workers">,
    Omit<QueueWatchDeps, "workers">,
    ResultConsumerDeps {
  readonly graphs: GraphCache;
}

/** The parts at work. */
export interface WorkerQueues extends Pick<ReplicaView, "findWorkers" | "lookAtQueues"> {
  /** Sends what a commit changed. */
  take(changes: TaskChanges): void;
  /** Publishes those of the tasks again that are lost. */
  recover(tasks: readonly LongTask[]): Promise<void>;
  /** Who serves a queue, by the heartbeats that this replica heard. */
  findQueue(queue: WorkedQueue): QueueSeen;
  /** Why results are not taken, in words; undefined: nothing is wrong. */
  trouble(): string | undefined;
  /** Takes no more results, and finishes those in hand. */
  stopListening(): Promise<void>;
  /** Sends what waits. */
  stop(): Promise<void>;
}

/** Starts them. */
export function startWorkerQueues(deps: WorkerQueuesDeps): WorkerQueues {
  const { database, log, intervalMs } = deps;
  const workers = new WorkersSeen();
  const publisher = new TaskPublisher({ ...deps, workers });
  publisher.start();
  const results = startResultConsumer(deps);
  const endQuestions = listenToWorkers({ ...deps, workers });
  const watch = startQueueWatch({ ...deps, workers });
  const forgetting = createLoop({
    name: "forget places of tasks",
    everyMs: intervalMs,
    log,
    round: () => forgetPlaces(database).then(() => false),
  });
  forgetting.start();
  return {
    take: (changes) => publisher.take(changes),
    recover: (tasks) => recoverTasks({ ...deps, publisher }, tasks),
    findWorkers: (workspaceId) => workers.list(workspaceId),
    async lookAtQueues(workspaceId) {
      return [...(await lookAtQueues(deps.connection, workspaceId)).values()];
    },
    findQueue: (queue) => ({ workers: workers.of(queue).length, last: workers.lastOf(queue) }),
    trouble: () => (results.state() === "failing" ? "no results of workers" : undefined),
    async stopListening() {
      endQuestions();
      await stopInTime([results], log);
    },
    async stop() {
      await Promise.all([watch.stop(), forgetting.stop()]);
      await publisher.stop();
    },
  };
}
