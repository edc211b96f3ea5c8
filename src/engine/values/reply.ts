/** What a transition answers the caller that handed in its input. Boundary: values only. */

/** See the file's head. */
export type Reply =
  | { readonly kind: "applied" }
  /** The run or step was already in that state, or the input is late: at most a history line was added. */
  | {
      readonly kind: "unchanged";
      /** To a parent that compensates the run: nothing is left to compensate, and the run cost this much in total. */
      readonly nothingLeft?: { readonly costUsd: number };
    }
  | {
      readonly kind: "refused";
      readonly reason: "illegal_move" | "unknown_step" | "bad_input";
      readonly from: string;
      readonly to: string;
      readonly message: string;
      /** Field path for bad_input. */
      readonly field?: string;
    };
