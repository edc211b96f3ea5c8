/** Answers that are on their way, in the order in which they come. Boundary: order alone. */
import type { Answer } from "./answers.ts";

/** An answer for a step, and when it comes. */
interface Coming {
  readonly atMs: number;
  readonly index: number;
  readonly answer: Answer;
}

/** See the file's head. What comes at one time comes in the order in which it was added, ends last. */
export class AnswerQueue {
  readonly #coming: Coming[] = [];

  add(nowMs: number, index: number, answer: Answer): void {
    const coming = { atMs: nowMs + Math.round(answer.afterMs ?? 0), index, answer };
    let [low, high] = [0, this.#coming.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#coming[middle];
      if (other !== undefined && isBefore(coming, other)) high = middle;
      else low = middle + 1;
    }
    this.#coming.splice(low, 0, coming);
  }

  /** When the first one comes; undefined: there is none. */
  get nextAtMs(): number | undefined {
    return this.#coming[0]?.atMs;
  }

  /** Takes the first one. */
  take(): Coming {
    const first = this.#coming.shift();
    if (first === undefined) throw new Error("no answer is on its way");
    return first;
  }
}

function isBefore(one: Coming, other: Coming): boolean {
  if (one.atMs !== other.atMs) return one.atMs < other.atMs;
  return one.answer.isEnd !== true && other.answer.isEnd === true;
}
