/** What the rules for a run in memory (watch-*.ts) take as input, and how they report a broken rule. */

import type { Replay } from "../../../src/engine/replay.ts";
import type { ChildRun } from "../../../src/engine/values/child-run.ts";
import type { RunState, StepRun } from "../../../src/engine/values/run.ts";

/** A run as it was before an input. */
export interface Before {
  readonly state: RunState;
  readonly rows: ReadonlyMap<number, StepRun>;
  readonly children: readonly ChildRun[];
  /** Rows of the history, and calls that were wanted. */
  readonly moves: number;
  readonly wanted: number;
}

/** What was seen of a run so far. */
export interface Seen {
  /** Its history, applied back. */
  readonly replay: Replay;
  readonly callIds: Set<string>;
  /** Steps of which a call that makes something was wanted. */
  readonly touched: Set<number>;
  /** Attempts, as `step/retries`, whose cost came in an owner's report. */
  readonly reported: Set<string>;
}

/** Fails the test: a rule is broken. */
export function broken(what: string): never {
  throw new Error(what);
}
