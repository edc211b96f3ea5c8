/**
 * Makes up for tasks that were not published, or that their stream has lost.
 * Boundary: gets steps that have waited for a worker for long (egress/reconcile/); what is lost the engine makes again.
 * Invariants:
 * 1. A task whose message the stream has is left alone, however long it waits.
 * 2. A returned task is in a message of its own: the one that it was returned from does not count.
 */
import { taskIdOf } from "../../engine/values/task.ts";
import { count } from "../../process/metrics.ts";
import type { GraphCache } from "../../runtime/graphs.ts";
import type { Processor } from "../../runtime/processor.ts";
import type { Database } from "../../store/database.ts";
import {
  dropTaskPlaces,
  FIRST_STEP,
  findOpenTasks,
  findTaskPlaces,
  forgetTaskPlaces,
  type StepKey,
  type StreamPlace,
} from "../../store/task-places.ts";
import type { TaskPublisher } from "./task-publisher.ts";
import { lookAtTaskStream, type TaskStreamDeps } from "./task-stream.ts";

/** What the check needs. */
export interface LostTasksDeps extends TaskStreamDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly processor: Pick<Processor, "submit">;
  readonly publisher: Pick<TaskPublisher, "dropPlace" | "findPlace" | "noteStream">;
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
  const known = await knownTasks(deps, tasks);
  // Looked at behind the places: a message that was stored meanwhile would seem to be beyond the end.
  const stream = await lookAtTaskStream(deps);
  deps.publisher.noteStream(stream.created);
  // The message that a returned task was in before is on the stream until the other tasks of it end.
  const there = await Promise.all(
    known.map(({ id, place, returned }) => place !== undefined && stream.has(id, place, returned)),
  );
  const lost = known.filter((_, n) => there[n] !== true);
  for (const { id } of lost) deps.publisher.dropPlace(id);
  const places = lost.flatMap(({ task, place }) =>
    place === undefined ? [] : [{ ...task, ...place }],
  );
  if (places.length > 0) await dropTaskPlaces(deps.database, places);
  await Promise.all(lost.map((each) => makeAgain(deps, each)));
}

interface KnownTask {
  readonly id: string;
  readonly task: LongTask;
  readonly stepId: string;
  readonly returned: boolean;
  readonly place: StreamPlace | undefined;
}

/** Those that are open and not being sent, each with its place. */
async function knownTasks(deps: LostTasksDeps, tasks: readonly LongTask[]): Promise<KnownTask[]> {
  const { database, publisher } = deps;
  const places = await findTaskPlaces(database.read, tasks);
  const placed = new Map(places.map((place) => [keyOf(place), place]));
  const steps = await openStepsOf(deps, tasks);
  return tasks.flatMap((task) => {
    const step = steps.get(keyOf(task));
    if (step === undefined) return [];
    const { runId, attempt } = task;
    const id = taskIdOf({ runId, stepId: step.stepId, attempt });
    const place = publisher.findPlace(id) ?? placed.get(keyOf(task));
    return place === "sending" ? [] : [{ ...step, id, task, place }];
  });
}

async function makeAgain({ processor }: LostTasksDeps, { task, stepId }: KnownTask): Promise<void> {
  const { runId, workspaceId, attempt } = task;
  count("workflows_tasks_sent_again_total", { reason: "lost" });
  const cause = { kind: "engine", id: "task_lost" } as const;
  const input = { kind: "task_unsent", stepId, attempt, cause } as const;
  await processor.submit({ kind: "input", runId, workspaceId, input });
}

/** Deletes the places of tasks that have ended. */
export async function forgetPlaces(database: Database): Promise<void> {
  let after: StepKey | undefined = FIRST_STEP;
  while (after !== undefined) after = await forgetTaskPlaces(database, after);
}

interface OpenStep {
  readonly stepId: string;
  readonly returned: boolean;
}

/** The steps, by attempt; one that has ended is left out. */
async function openStepsOf(
  { database, graphs }: LostTasksDeps,
  tasks: readonly LongTask[],
): Promise<Map<string, OpenStep>> {
  const runIds = [...new Set(tasks.map(({ runId }) => runId))];
  const open = await findOpenTasks(database.read, runIds);
  const versions = await graphs.require([...new Set(open.map(({ versionId }) => versionId))]);
  const steps = new Map<string, OpenStep>();
  for (const task of open) {
    const step = versions.get(task.versionId)?.steps[task.stepIndex];
    const { returned } = task;
    if (step !== undefined) steps.set(keyOf(task), { stepId: step.def.id, returned });
  }
  return steps;
}

function keyOf({ runId, stepIndex, attempt }: Omit<LongTask, "workspaceId">): string {
  return `${runId}/${stepIndex}/${attempt}`;
}
