/**
 * Which batches a round sends: what is kept where nothing is to be sent before it, else what the outbox lists.
 * Boundary: chooses; the list is asked by the publisher.
 * Invariants:
 * 1. What is kept is sent without a list only where each of its runs goes on where this replica sent it last (sent-runs.ts).
 * 2. What other replicas have committed is listed by every round that begins 50 ms after the last list, and by the next one where
 *    a list was full of it.
 */
import { setImmediate } from "node:timers/promises";
import type { UnpublishedBatch } from "../../store/outbox.ts";
import type { KeptBatches } from "./kept-batches.ts";
import { SentRuns } from "./sent-runs.ts";

/** Batches to send; `isFull`: there may be more. */
export interface Unsent {
  readonly batches: UnpublishedBatch[];
  readonly isFull: boolean;
}

export const BATCHES_AT_ONCE = 64;
const LIST_EVERY_MS = 50;

/** See the file's head. */
export class NextBatches {
  readonly #kept: KeptBatches;
  readonly #list: () => Promise<Unsent>;
  readonly #sent = new SentRuns();
  #listAtMs = 0;
  #isLast = false;

  constructor(kept: KeptBatches, list: () => Promise<Unsent>) {
    this.#kept = kept;
    this.#list = list;
  }

  async take(): Promise<Unsent> {
    const batches = this.#goingOn();
    if (batches.length > 0) {
      // Tasks of the commit go out first: steps wait for them.
      await setImmediate();
      return { batches, isFull: batches.length === BATCHES_AT_ONCE };
    }
    this.#listAtMs = performance.now() + LIST_EVERY_MS;
    const unsent = await this.#list();
    const isKept = ({ id }: UnpublishedBatch) => this.#kept.find(id) !== undefined;
    if (unsent.isFull && !unsent.batches.every(isKept)) this.mustList();
    return unsent;
  }

  /** The events of this batch are acknowledged; `isKnown`: the stream has not been left since. */
  noteSent(id: number, isKnown: boolean): void {
    if (isKnown) this.#sent.note(this.#kept.find(id) ?? []);
    this.#kept.forget(id);
  }
  /** The next round lists: not all that was committed is kept. */
  mustList(): void {
    this.#listAtMs = 0;
  }
  /** The stream may have lost what was sent. */
  forget(): void {
    this.#sent.clear();
  }
  /** From here on each round lists, so that nothing is left. */
  last(): void {
    this.#isLast = true;
  }

  #goingOn(): UnpublishedBatch[] {
    if (this.#isLast || performance.now() >= this.#listAtMs) return [];
    const first = this.#kept.first(BATCHES_AT_ONCE);
    return this.#sent.goOnWith(first.map(({ id }) => this.#kept.find(id) ?? [])) ? first : [];
  }
}
