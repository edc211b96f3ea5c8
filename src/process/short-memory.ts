/**
 * A bounded table whose entries are forgotten after a while.
 * Boundary: in memory, by this process's monotonic clock; when it is full the entry that was used least lately goes
 * first.
 */

/** The table; keys are texts. */
export class ShortMemory<Value> {
  readonly #entries = new Map<string, { value: Value; untilMs: number }>();
  readonly #keptMs: number;
  readonly #keptAtMost: number;
  readonly #nowMs: () => number;

  constructor(keptMs: number, keptAtMost: number, nowMs: () => number = () => performance.now()) {
    this.#keptMs = keptMs;
    this.#keptAtMost = keptAtMost;
    this.#nowMs = nowMs;
  }

  find(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // The map's order is the order of use.
    this.#entries.delete(key);
    if (entry.untilMs <= this.#nowMs()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  keep(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#nowMs() + this.#keptMs });
    if (this.#entries.size <= this.#keptAtMost) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** A key of several texts. */
export function keyOf(...parts: readonly string[]): string {
  return parts.join("\u0000");
}
