/** Statements of the tasks of workers (store/task-places.ts). */
import { type StepRow, stepKey } from "./rows.ts";
import { type At, by, type ModelStatements, zip } from "./statement.ts";

type PlaceValues = [
  seqs: readonly number[],
  stepIndexes: readonly number[],
  attempts: readonly number[],
  runIds: readonly string[],
  created: readonly string[],
];
type DropValues = [
  seqs: readonly number[],
  stepIndexes: readonly number[],
  runIds: readonly string[],
  created: readonly string[],
];

const PAGE = 1_000;

/** See the file's head. */
export const taskStatements: ModelStatements = {
  async place_tasks(at, values: PlaceValues) {
    const { tx, tables } = at;
    const places = zip(...values).map(([seq, stepIndex, attempt, runId, created]) => ({
      ...{ seq, stepIndex, attempt, runId, created },
    }));
    for (const place of places.filter((each) => isOpenTask(at, each)).sort(IN_ORDER)) {
      const key = stepKey(place);
      if (await tx.insert(tables.taskPlaces, key, place)) continue;
      const old = tx.get(tables.taskPlaces, key);
      const isEarlier = old?.created === place.created && old.seq >= place.seq;
      if (!isEarlier) tx.put(tables.taskPlaces, key, place);
    }
    return [];
  },
  find_task_places: ({ tx, tables }, [runIds, indexes]: [string[], number[]]) =>
    zip(runIds, indexes).flatMap(([runId, stepIndex]) => {
      const place = tx.get(tables.taskPlaces, stepKey({ runId, stepIndex }));
      if (place === undefined) return [];
      const { attempt, created, seq } = place;
      return [{ runId, stepIndex, attempt, created, seq }];
    }),
  async drop_task_places({ tx, tables }, values: DropValues) {
    for (const [seq, stepIndex, runId, created] of zip(...values)) {
      const key = stepKey({ runId, stepIndex });
      if (tx.get(tables.taskPlaces, key) === undefined) continue;
      await tx.lock(tables.taskPlaces, key);
      const place = tx.get(tables.taskPlaces, key);
      if (place?.seq === seq && place.created === created) tx.remove(tables.taskPlaces, key);
    }
    return [];
  },
  forget_task_places(at, [afterRun, afterStep]: [string, number]) {
    const { tx, tables } = at;
    const page = [...tx.rows(tables.taskPlaces)]
      .filter(({ runId, stepIndex }) => {
        return runId > afterRun || (runId === afterRun && stepIndex > afterStep);
      })
      .sort(IN_ORDER)
      .slice(0, PAGE);
    for (const place of page) {
      const key = stepKey(place);
      if (isOpenTask(at, place) || !tx.tryLock(tables.taskPlaces, key)) continue;
      tx.remove(tables.taskPlaces, key);
    }
    const last = page.length === PAGE ? page.at(-1) : undefined;
    return last === undefined ? [] : [{ runId: last.runId, stepIndex: last.stepIndex }];
  },
  find_open_tasks: ({ tx, tables }, [runIds, workspaceId]: [readonly string[], string | null]) =>
    runIds.flatMap((runId) => {
      const run = tx.get(tables.runs, runId);
      if (run === undefined || run.completedAt !== null) return [];
      if (workspaceId !== null && run.workspaceId !== workspaceId) return [];
      return [...tx.rows(tables.steps)]
        .filter((step) => step.runId === runId && isOpen(step))
        .map(({ stepIndex, retryCount, detail }) => ({
          ...{ runId, stepIndex, attempt: retryCount + 1 },
          ...{ versionId: run.versionId, workspaceId: run.workspaceId },
          returned: detail?.task !== undefined && "returned" in detail.task,
        }));
    }),
};

const IN_ORDER = by<{ runId: string; stepIndex: number }>(
  ({ runId }) => runId,
  ({ stepIndex }) => stepIndex,
);

function isOpen({ completedAt, detail }: StepRow): boolean {
  return completedAt === null && detail?.task !== undefined;
}

function isOpenTask(
  { tx, tables }: At,
  place: { readonly runId: string; readonly stepIndex: number; readonly attempt: number },
): boolean {
  const step = tx.get(tables.steps, stepKey(place));
  return step !== undefined && isOpen(step) && step.retryCount + 1 === place.attempt;
}
