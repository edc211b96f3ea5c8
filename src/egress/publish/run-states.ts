/** The states of a run between its moves. Boundary: pure. */
import type { RunState } from "../../engine/values/run.ts";
import type { RecordedMoves } from "../../store/outbox.ts";

/** The run's state after each move, reckoned back from the state after the last one. */
export function statesAfter(
  rows: readonly Pick<RecordedMoves, "moves">[],
  last: RunState,
): RunState[][] {
  let state = last;
  return rows
    .toReversed()
    .map(({ moves }) =>
      moves
        .toReversed()
        .map((move) => {
          const after = state;
          if (move.of === "run") state = move.from;
          return after;
        })
        .toReversed(),
    )
    .toReversed();
}
