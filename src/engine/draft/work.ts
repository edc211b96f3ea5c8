/**
 * What a transition has left to do: attempts to begin, steps that ended and whose edges are not decided.
 * Boundary: flow/advance.ts does it; what a transition leaves is kept in the run as `pending` (values/run.ts).
 */
import { isFinalStep, RESUMING, type StepState } from "../values/run.ts";
import type { Ending } from "../values/step-detail.ts";

/** A step that ended and whose edges are not decided yet. */
export interface Ended {
  readonly index: number;
  /** Unset when an earlier transition kept it with the step's row. */
  readonly ending?: Ending;
}

/** See the file's head. */
export class Work {
  readonly #toBegin: number[] = [];
  readonly #toSettle: Ended[] = [];
  /** The step whose attempt has begun by half: it comes before all other work. */
  unfinished: number | undefined;
  /** The run was resumed, and what fell due in the pause comes after all other work (flow/after-pause.ts). */
  isResuming = false;
  /** Steps whose timers fell due in the pause, in the order of firing; undefined until this transition has listed them. */
  due: number[] | undefined;

  /** An attempt of a step is to begin. */
  begin(index: number): void {
    this.#toBegin.push(index);
  }
  /** A step ended. */
  settle(ended: Ended): void {
    this.#toSettle.push(ended);
  }
  /** A step ended, and its edges were decided in part: they come next. */
  settleNext(ended: Ended): void {
    this.#toSettle.unshift(ended);
  }
  takeUnfinished(): number | undefined {
    const { unfinished } = this;
    this.unfinished = undefined;
    return unfinished;
  }
  takeEnded(): Ended | undefined {
    return this.#toSettle.shift();
  }
  takeToBegin(): number | undefined {
    return this.#toBegin.shift();
  }
  get isLeft(): boolean {
    return (
      this.unfinished !== undefined ||
      this.#toSettle.length > 0 ||
      this.#toBegin.length > 0 ||
      this.isResuming
    );
  }
  /** Steps that ended, as far as they are left. */
  get ended(): readonly Ended[] {
    return this.#toSettle;
  }
  /** Nothing follows any more. */
  drop(): void {
    this.unfinished = undefined;
    this.#toSettle.length = 0;
    this.#toBegin.length = 0;
    this.isResuming = false;
    this.due = undefined;
  }

  /** Takes up what an earlier transition left, before what this one adds. */
  takeUp(pending: readonly number[], stateOf: (index: number) => StepState): void {
    for (const [place, index] of pending.entries()) {
      if (index === RESUMING) {
        this.isResuming = true;
        continue;
      }
      const state = stateOf(index);
      if (isFinalStep(state)) this.settle({ index });
      else if (place === 0 && state !== "PENDING") this.unfinished = index;
      else this.begin(index);
    }
  }
  /** What is left, as the run keeps it. */
  pending(stateOf: (index: number) => StepState): number[] {
    const { unfinished } = this;
    const first = unfinished === undefined || isFinalStep(stateOf(unfinished)) ? [] : [unfinished];
    const ended = this.#toSettle.map(({ index }) => index);
    const last = this.isResuming ? [RESUMING] : [];
    return [...new Set([...first, ...ended, ...this.#toBegin, ...last])];
  }
}
