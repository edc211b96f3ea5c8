/** Rows that a fold lacks. Boundary: the draft throws, the caller of the fold catches. */
import type { ChildSet } from "../values/child-run.ts";
import type { Merge } from "./payloads.ts";

/** What is missing besides rows of steps. */
export interface MissingParts {
  readonly runInput?: boolean;
  readonly children?: readonly ChildSet[];
  /** Payloads of many steps that are to be put together outside: all at once they may be too many bytes. */
  readonly merges?: readonly Merge[];
}

/** A fold needs rows that were not loaded: load them too, open a fresh draft and fold all inputs again. */
export class MissingRows extends Error {
  override readonly name = "MissingRows";
  readonly steps: readonly number[];
  readonly runInput: boolean;
  readonly children: readonly ChildSet[];
  readonly merges: readonly Merge[];
  constructor(
    steps: readonly number[],
    { runInput = false, children = [], merges = [] }: MissingParts = {},
  ) {
    const parts = [
      `${steps.length} steps`,
      ...(runInput ? ["the run's input"] : []),
      ...(children.length === 0 ? [] : [`${children.length} sets of children`]),
      ...(merges.length === 0 ? [] : [`${merges.length} merges`]),
    ];
    super(`rows are needed: ${parts.join(", ")}`);
    this.steps = steps;
    this.runInput = runInput;
    this.children = children;
    this.merges = merges;
  }
}
