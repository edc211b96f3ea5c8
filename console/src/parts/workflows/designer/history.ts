/** What can be taken back. Boundary: pure; a snapshot is the text and where its steps are drawn. */
import { mergeTexts } from "../draft/merge-texts.ts";
import { mergePlaces, type Places } from "../draft/places.ts";

/** What a person sees, and may want again. */
export interface Snapshot {
  readonly text: string;
  readonly places: Places;
}

const MOST = 100;
const MOST_CHARS = 4_000_000;
/** Keys that follow one another so soon are one change. */
const TOGETHER_MS = 1_000;

/** Changes of which one after the other is one change. */
type Together = "typed" | "moved";

export class DraftHistory {
  readonly #past: Snapshot[] = [];
  readonly #future: Snapshot[] = [];
  #last: { readonly kind: Together; readonly atMs: number } | undefined;

  /** `before`: as it was; `together`: with other changes of the same kind in the last second it is one. */
  note(before: Snapshot, together: Together | undefined, nowMs: number): void {
    const last = this.#last;
    const isSame =
      together !== undefined && last?.kind === together && nowMs - last.atMs < TOGETHER_MS;
    this.#last = together && { kind: together, atMs: nowMs };
    this.#future.length = 0;
    if (isSame) return;
    this.#past.push(before);
    let chars = this.#past.reduce((sum, { text }) => sum + text.length, 0);
    while (this.#past.length > 1 && (this.#past.length > MOST || chars > MOST_CHARS)) {
      chars -= this.#past.shift()?.text.length ?? 0;
    }
  }

  /**
   * Somebody else has changed the draft from one to the other: their change stays in all that is taken back or done again. What changed the
   * same lines, and what lies behind it, is forgotten.
   */
  meet(from: Snapshot, to: Snapshot): void {
    for (const stack of [this.#past, this.#future]) {
      const kept: Snapshot[] = [];
      for (const { text: before, places } of stack.toReversed()) {
        const text = from.text === to.text ? before : mergeTexts(from.text, before, to.text);
        if (text === undefined) break;
        kept.unshift({ text, places: mergePlaces(from.places, places, to.places) });
      }
      stack.splice(0, stack.length, ...kept);
    }
    this.#last = undefined;
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
    this.#last = undefined;
    return found;
  }
}
