/** Rows that a fold lacks. Boundary: the draft throws, the caller of the fold catches. */
import type { ChildSet } from "./child-run.ts";

/** What is missing besides rows of steps. */
export interface MissingParts {
  readonly runInput?: boolean;
  readonly children?: readonly ChildSet[];
}

/** A fold needs rows that were not loaded: load them too, open a fresh draft and fold all inputs again. */
export class MissingRows extends Error {
  override readonly name = "MissingRows";
  readonly steps: readonly number[];
  readonly runInput: boolean;
  readonly children: readonly ChildSet[];
  constructor(steps: readonly number[], { runInput = false, children = [] }: MissingParts = {}) {
    const parts = [
      `${steps.length} steps`,
      ...(runInput ? ["the run's input"] : []),
      ...(children.length === 0 ? [] : [`${children.length} sets of children`]),
    ];
    super(`rows are needed: ${parts.join(", ")}`);
    this.steps = steps;
    this.runInput = runInput;
    this.children = children;
  }
}
