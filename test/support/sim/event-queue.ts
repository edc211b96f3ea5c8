/** Events by their time; those of one time in the order in which they were added. A binary heap. */

/** An event to come; without `work` it is cancelled. */
export interface QueuedEvent {
  readonly atMs: number;
  readonly number: number;
  work: (() => void) | undefined;
}

/** See the file's head. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #added = 0;

  add(atMs: number, work: () => void): QueuedEvent {
    this.#added += 1;
    const event: QueuedEvent = { atMs, number: this.#added, work };
    this.#rise(event);
    return event;
  }

  /** Takes the first event that is not cancelled. */
  take(): QueuedEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      const last = this.#heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (this.#heap.length > 0) this.#sink(last);
      if (first.work !== undefined) return first;
    }
  }

  #rise(event: QueuedEvent): void {
    let at = this.#heap.length;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = this.#heap[up];
      if (above === undefined || isBefore(above, event)) break;
      this.#heap[at] = above;
      at = up;
    }
    this.#heap[at] = event;
  }

  #sink(event: QueuedEvent): void {
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const right = this.#heap[down + 1];
      let below = this.#heap[down];
      if (below === undefined) break;
      if (right !== undefined && isBefore(right, below)) {
        below = right;
        down += 1;
      }
      if (isBefore(event, below)) break;
      this.#heap[at] = below;
      at = down;
    }
    this.#heap[at] = event;
  }
}

function isBefore(one: QueuedEvent, other: QueuedEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number);
}
