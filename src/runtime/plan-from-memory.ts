/**
 * Plans a batch by what this replica knows, before the database is asked.
 * Boundary: what is assumed here is required by the statement that saves the batch (store/save-fences.ts).
 */
import type { BatchItem, Plan } from "./batch-plan.ts";
import { callsOf, findKept, type PlanDeps, planAll } from "./plan-batch.ts";

/**
 * Plans a batch of which all is kept, by the rows and the clock that this replica knows. Undefined when something has to be read,
 * or what is kept was not as it is in the database a moment ago.
 */
export async function planFromMemory(
  { graphs, committed, memory }: PlanDeps,
  items: readonly BatchItem[],
): Promise<Plan | undefined> {
  const nowMs = memory.nowMs();
  if (nowMs === undefined || !items.every(isTimeless)) return undefined;
  const kept = await findKept(graphs, committed, items);
  if (items.some(({ runId }) => !kept.has(runId))) return undefined;
  const openCalls = [...new Set(callsOf(items))];
  const steps = [...kept.values()].flatMap(({ runId, steps: known }) =>
    known.map(([index, rowVersion]) => ({ runId, index, rowVersion })),
  );
  return planAll(graphs, items, {
    runs: new Map([...kept].map(([runId, { committed: run }]) => [runId, run])),
    openCalls: new Set(openCalls),
    // It has no starts.
    ...{ vars: new Map(), places: new Map() },
    ...{ nowMs, assumed: { steps, openCalls } },
  });
}

/** Whether the engine asks an input for no time: a timer is due by the database's clock, to the millisecond. */
function isTimeless({ submission }: BatchItem): boolean {
  if (submission.kind !== "input" || submission.callerKey !== undefined) return false;
  const { kind } = submission.input;
  return kind !== "step_due" && kind !== "deadline_passed";
}
