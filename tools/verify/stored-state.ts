/**
 * I3: the history, applied by the table of legal moves, gives exactly the stored state: of the run, its marks, the rows
 * of its steps, and the costs. A gap or a move out of the table is found by the replay.
 */
import {
  IllegalHistory,
  type Replay,
  replayedState,
  replayHistory,
} from "../../src/engine/replay.ts";
import { HAS_ROW } from "../../src/engine/values/run.ts";
import type { Findings } from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import type { RunPicture, StepFacts } from "./run-picture.ts";

/** The history and the rows of one run. */
export const storedState: RunCheck = {
  id: "I3",
  check(picture, findings) {
    const { run, unreadable } = picture;
    findings.saw();
    if (unreadable !== undefined) {
      findings.violated(run.id, unreadable);
      return;
    }
    const replay = replayed(picture, findings);
    if (replay === undefined) return;
    const differ = (what: string, stored: unknown, told: unknown) => {
      if (stored !== told) {
        findings.violated(run.id, `${what} is ${stored}, its history gives ${told}`);
      }
    };
    differ("its state", run.state, replay.state);
    differ("its last row", run.seq, replay.seq);
    differ("its total cost", run.total_cost_usd, replay.totalCostUsd);
    for (const [index, state] of picture.markedStates.entries()) {
      differ(`the mark of step ${index}`, state, replayedState(replay, index));
    }
    compareRows(picture, replay, differ);
  },
};

function replayed({ run, history }: RunPicture, findings: Findings): Replay | undefined {
  try {
    return replayHistory(history);
  } catch (error) {
    if (!(error instanceof IllegalHistory)) throw error;
    findings.violated(run.id, error.message);
    return undefined;
  }
}

function compareRows(
  { run, steps }: RunPicture,
  replay: Replay,
  differ: (what: string, stored: unknown, told: unknown) => void,
): void {
  const rows = new Map<number, StepFacts>(steps.map((step) => [step.step_index, step]));
  for (const [index, mark] of [...run.step_marks].entries()) {
    differ(`the row of step ${index}`, rows.has(index), (mark & HAS_ROW) !== 0);
  }
  for (const [index, row] of rows) {
    differ(`step ${index}`, row.state, replayedState(replay, index));
    differ(
      `the retries of step ${index}`,
      row.retry_count,
      replay.steps.get(index)?.retryCount ?? 0,
    );
    differ(`the cost of step ${index}`, row.cost_usd, replay.steps.get(index)?.costUsd ?? 0);
  }
}
