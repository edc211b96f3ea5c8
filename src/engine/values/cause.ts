/** Why a run moved. Boundary: plain values. */

/** Why a move was made; kept in the history. */
export interface Cause {
  readonly kind: "rpc" | "event" | "call" | "timer" | "engine";
  /** Method, event id, call id or the timer's name. */
  readonly id: string;
  /** The decider, actor or caller, where known. */
  readonly by?: string;
  /** Why, in the caller's words; unset: not said. */
  readonly reason?: string;
  /** The program through which the caller came, as it says; unset: not said. */
  readonly via?: string;
}

const PROGRAM = /^[a-z][a-z0-9-]{0,31}$/;

/** Whether this may name the program through which a caller comes: 1 to 32 of a-z, 0-9 and -, beginning with a letter. */
export function isProgram(via: string): boolean {
  return PROGRAM.test(via);
}
