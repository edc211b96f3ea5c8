/** Histories applied back, compared with what is stored beside them. */
import { expect } from "vitest";
import { replayedState, replayHistory } from "../../../src/engine/replay.ts";
import { movesOf, type StoredHistory } from "./stored-history.ts";

/** Moves that must occur, so that the test covers more than simple runs. */
const EXPECTED = [
  ...["run pause", "run resume", "run cancel", "run compensate", "run compensated", "run failed"],
  ...["step retrying", "step skipped", "step cancelled", "step compensated", "step waiting"],
];

/** Applies histories and compares; they must contain every kind of move. */
export function expectApplied(histories: readonly StoredHistory[]): void {
  expectReplayed(histories);
  const moves = histories.flatMap(movesOf).flatMap((row) => row.moves);
  const found = new Set(moves.map(({ of, op }) => `${of} ${op}`));
  expect([...found]).toEqual(expect.arrayContaining(EXPECTED));
}

/** Applies histories and compares. */
export function expectReplayed(histories: readonly StoredHistory[]): void {
  for (const history of histories) {
    const replay = replayHistory(movesOf(history));
    const steps = history.steps.map((_, index) => replayedState(replay, index));
    const { state, totalCostUsd } = history;
    expect({ ...replay, steps }, history.runId).toMatchObject({ state, steps, totalCostUsd });
  }
}
