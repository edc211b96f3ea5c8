/** Verbs of the tasks of workers with random values. */
import {
  dropTaskPlaces,
  FIRST_STEP,
  findOpenTasks,
  findTaskPlaces,
  forgetTaskPlaces,
  type PlacedTask,
  placeTasks,
} from "../../../../src/store/task-places.ts";
import { type RandomRows, RUNS, STEPS } from "./random-rows.ts";
import type { Verb } from "./verb.ts";

/** Writes, finds, drops and forgets places of tasks of two streams, and finds open tasks. */
export function placing(rows: RandomRows): Verb {
  const all = RUNS.flatMap((runId) =>
    STEPS.map((stepIndex): PlacedTask => {
      const [attempt, seq] = [1 + rows.random.below(2), rows.random.below(3)];
      return { runId, stepIndex, attempt, seq, created: rows.pick(["then", "now"]) };
    }),
  );
  const some = rows.some(all);
  const workspaceId = rows.random.chance(50) ? "ws-sim" : undefined;
  return rows.pick<Verb>([
    {
      ...{ name: "place tasks", mayWait: true },
      run: ({ database }) => placeTasks(database, all),
    },
    {
      ...{ name: "place some tasks", mayWait: true },
      run: ({ database }) => placeTasks(database, some),
    },
    {
      ...{ name: "drop places of tasks", mayWait: true },
      run: ({ database }) => dropTaskPlaces(database, all),
    },
    {
      name: "find tasks and their places",
      run: async ({ database: { read } }) => [
        await findTaskPlaces(read, some),
        await findOpenTasks(read, RUNS, workspaceId),
      ],
    },
    forgetting(),
  ]);
}

/** Deletes places of tasks that have ended. Never waits. */
export function forgetting(): Verb {
  return {
    name: "forget places of tasks",
    run: ({ database }) => forgetTaskPlaces(database, FIRST_STEP),
  };
}
