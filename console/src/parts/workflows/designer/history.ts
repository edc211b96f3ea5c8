/** What can be taken back. Boundary: pure; a snapshot is the text and where its steps are drawn. */
import type { Places } from "../draft/places.ts";

/** What a person sees, and may want again. */
export interface Snapshot {
  readonly text: string;
  readonly places: Places;
}

const MOST = 100;
const MOST_CHARS = 4_000_000;
/** Keys that follow one another so soon are one change. */
const TOGETHER_MS = 1_000;

export class DraftHistory {
  readonly #past: Snapshot[] = [];
  readonly #future: Snapshot[] = [];
  #typedAtMs = Number.NEGATIVE_INFINITY;

  /** `before`: as it was; `together`: with other changes of the same kind in the last second it is one. */
  note(before: Snapshot, together: boolean, nowMs: number): void {
    const isSame = together && nowMs - this.#typedAtMs < TOGETHER_MS;
    this.#typedAtMs = together ? nowMs : Number.NEGATIVE_INFINITY;
    this.#future.length = 0;
    if (isSame) return;
    this.#past.push(before);
    let chars = this.#past.reduce((sum, { text }) => sum + text.length, 0);
    while (this.#past.length > 1 && (this.#past.length > MOST || chars > MOST_CHARS)) {
      chars -= this.#past.shift()?.text.length ?? 0;
    }
  }

  undo(now: Snapshot): Snapshot | undefined {
    return this.#move(now, this.#past, this.#future);
  }

  redo(now: Snapshot): Snapshot | undefined {
    return this.#move(now, this.#future, this.#past);
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  #move(now: Snapshot, from: Snapshot[], to: Snapshot[]): Snapshot | undefined {
    const found = from.pop();
    if (found === undefined) return undefined;
    to.push(now);
    this.#typedAtMs = Number.NEGATIVE_INFINITY;
    return found;
  }
}
