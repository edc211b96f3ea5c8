/**
 * A bounded table whose entries are forgotten after a while.
 * Boundary: in memory, by this process's monotonic clock; when it is full the oldest entry goes first.
 */

/** The table; keys are texts. */
export class ShortMemory<Value> {
  readonly #entries = new Map<string, { value: Value; untilMs: number }>();
  readonly #keptMs: number;
  readonly #keptAtMost: number;

  constructor(keptMs: number, keptAtMost: number) {
    this.#keptMs = keptMs;
    this.#keptAtMost = keptAtMost;
  }

  find(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.untilMs > performance.now()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  keep(key: string, value: Value): void {
    // Deleted first, so that the map's order is the order of keeping.
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: performance.now() + this.#keptMs });
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
