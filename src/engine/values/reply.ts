/** What a transition answers the caller that handed in its input. Boundary: values only. */

/** See the file's head. */
export type Reply =
  | { readonly kind: "applied" }
  /** The run or step was already so, or the input is late: nothing changed but perhaps a history note. */
  | {
      readonly kind: "unchanged";
      /** To a parent that wants the run undone: nothing of it is left to undo, and so much it cost in all. */
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
