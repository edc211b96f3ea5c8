/**
 * I3: the moves of a run's history, applied through the table of legal moves, give exactly the stored state.
 * Boundary: judges one run; the replay itself is src/engine/replay.ts.
 */
import { replayedState, replayHistory } from "../../src/engine/replay.ts";
import { HAS_ROW, isFinalRun, isFinalStep, stateOfMark } from "../../src/engine/values/run.ts";
import type { Findings } from "./report.ts";
import type { WholeRun } from "./stored-runs.ts";

/** Costs are rounded to this, so sums in another order differ by less. */
const COST_STEP_USD = 1e-9;

/** Compares the stored state of a run with what its history says. */
export function checkHistory(findings: Findings, whole: WholeRun): void {
  findings.count("runs");
  findings.count("rows", whole.rows.length);
  for (const fault of faultsOf(whole)) findings.violate(`${whole.run.id}: ${fault}`);
}

function faultsOf(whole: WholeRun): string[] {
  const { run, rows, unreadable } = whole;
  if (unreadable !== "") return [unreadable];
  try {
    const replay = replayHistory(rows);
    const faults = faultsOfSteps(whole, replay);
    if (replay.state !== run.state) {
      faults.push(`is stored as ${run.state}, its history ends ${replay.state}`);
    }
    if (replay.seq !== run.seq) {
      faults.push(`is stored with seq ${run.seq}, its history ends at ${replay.seq}`);
    }
    if (differ(replay.totalCostUsd, run.totalCostUsd)) {
      faults.push(
        `is stored with ${run.totalCostUsd} USD, its history says ${replay.totalCostUsd}`,
      );
    }
    if ((run.completedAt !== null) !== isFinalRun(run.state)) {
      faults.push(
        `is ${run.state} and has ${run.completedAt === null ? "no" : "a"} time of its end`,
      );
    }
    return faults;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function faultsOfSteps(
  { run, steps }: WholeRun,
  replay: ReturnType<typeof replayHistory>,
): string[] {
  const faults: string[] = [];
  const rowOf = new Map(steps.map((step) => [step.index, step]));
  for (const [index, mark] of run.stepMarks.entries()) {
    const [marked, said] = [stateOfMark(mark), replayedState(replay, index)];
    const row = rowOf.get(index);
    rowOf.delete(index);
    if (marked !== said) faults.push(`step ${index} is marked ${marked}, its history ends ${said}`);
    if ((row !== undefined) !== ((mark & HAS_ROW) !== 0)) {
      faults.push(`step ${index} has ${row === undefined ? "no" : "a"} row, unlike its mark`);
    }
    if (row === undefined) continue;
    const { retryCount = 0, costUsd = 0 } = replay.steps.get(index) ?? {};
    if (row.state !== said) faults.push(`step ${index} is ${row.state}, its history ends ${said}`);
    if (row.retryCount !== retryCount) {
      faults.push(`step ${index} has ${row.retryCount} retries, its history says ${retryCount}`);
    }
    if (differ(row.costUsd, costUsd)) {
      faults.push(`step ${index} has cost ${row.costUsd} USD, its history says ${costUsd}`);
    }
    if ((row.completedAt !== null) !== isFinalStep(row.state)) {
      faults.push(`step ${index} is ${row.state}, unlike the time of its end`);
    }
  }
  for (const index of rowOf.keys()) faults.push(`step ${index} has a row and no mark`);
  return faults;
}

function differ(a: number, b: number): boolean {
  return Math.abs(a - b) > COST_STEP_USD;
}
