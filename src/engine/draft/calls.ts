/** The calls that a fold wants, has seen answered, or drops. Boundary: rows of calls are the store's. */
import type { IssuedCall } from "../values/call.ts";

/** See the file's head. */
export class Calls {
  readonly #wanted = new Map<string, IssuedCall>();
  readonly #finished: string[] = [];
  readonly #dropped: number[] = [];

  want(call: IssuedCall): void {
    this.#wanted.set(call.id, call);
  }
  /** A call came back: its row goes. */
  finish(id: string): void {
    if (!this.#wanted.delete(id)) this.#finished.push(id);
  }
  /** Calls of a step that are not made yet are not made any more. */
  dropOf(stepIndex: number): void {
    this.#dropped.push(stepIndex);
  }
  /** Those that have not come back within the fold. */
  get wanted(): IssuedCall[] {
    return [...this.#wanted.values()];
  }
  /** Ids of earlier calls that came back. */
  get finished(): readonly string[] {
    return this.#finished;
  }
  /** Indexes of the steps whose calls are dropped. */
  get droppedSteps(): readonly number[] {
    return this.#dropped;
  }
}
