/**
 * Makes up for tasks that were not published, or that their stream has lost.
 * Boundary: gets steps that have waited for a worker for long (egress/reconcile/); what is lost the engine makes again.
 * Invariant: a task whose message the stream has is left alone, however long it waits.
 */
import { taskIdOf } from "../../engine/values/task.ts";
import { count } from "../../process/metrics.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";
import { findOpenTasks, findTaskPlaces, forgetTaskPlaces } from "../../store/task-places.ts";
import type { TaskPublisher } from "./task-publisher.ts";
import { lookAtTaskStream, type TaskStreamDeps } from "./task-stream.ts";

/** What the check needs. */
export interface LostTasksDeps extends TaskStreamDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly processor: Pick<Processor, "submit">;
  readonly publisher: Pick<TaskPublisher, "findPlace" | "noteStream">;
}

/** A step that has waited for a worker for long. */
export interface LongTask {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly attempt: number;
}

/** Publishes those of the tasks again that the stream does not have. Rejects when it cannot be asked. */
export async function recoverTasks(deps: LostTasksDeps, tasks: readonly LongTask[]): Promise<void> {
  const stream = await lookAtTaskStream(deps);
  deps.publisher.noteStream(stream.created);
  const places = await findTaskPlaces(deps.database.read, tasks);
  const placed = new Map(places.map((place) => [keyOf(place), place]));
  const steps = await stepIdsOf(deps, tasks);
  const again = tasks.map(async (task) => {
    const stepId = steps.get(keyOf(task));
    if (stepId === undefined) return;
    const { runId, workspaceId, attempt } = task;
    const id = taskIdOf({ runId, stepId, attempt });
    const place = deps.publisher.findPlace(id) ?? placed.get(keyOf(task));
    if (place === "sending" || (place !== undefined && (await stream.has(place)))) return;
    count("workflows_tasks_sent_again_total", { reason: "lost" });
    const cause = { kind: "engine", id: "task_lost" } as const;
    const input = { kind: "task_unsent", stepId, attempt, alone: false, cause } as const;
    await deps.processor.submit({ kind: "input", runId, workspaceId, input });
  });
  await Promise.all(again);
}

/** Deletes the places of tasks that have ended. */
export async function forgetPlaces(database: Database): Promise<void> {
  while (await forgetTaskPlaces(database));
}

/** The ids of the steps, by attempt; one that has ended has none. */
async function stepIdsOf(
  { database, graphs }: LostTasksDeps,
  tasks: readonly LongTask[],
): Promise<Map<string, string>> {
  const runIds = [...new Set(tasks.map(({ runId }) => runId))];
  const open = await findOpenTasks(database.read, runIds);
  const versions = await graphs.require([...new Set(open.map(({ versionId }) => versionId))]);
  const ids = new Map<string, string>();
  for (const task of open) {
    const step = versions.get(task.versionId)?.steps[task.stepIndex];
    if (step !== undefined) ids.set(keyOf(task), step.def.id);
  }
  return ids;
}

function keyOf({ runId, stepIndex, attempt }: Omit<LongTask, "workspaceId">): string {
  return `${runId}/${stepIndex}/${attempt}`;
}
