/**
 * A queue whose keys take turns: of n keys that wait, each gets every n-th place.
 * Boundary: in memory; knows nothing of its items, and sets no limit.
 * Invariants:
 * Q1 Items of one key keep their order.
 * Q2 A key that begins to wait joins at the end of the turn, so it is reached after one item of each other key at most.
 */

/** First in, first out, without moving all that wait at every step. */
class Line<Item> {
  #items: Item[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const first = this.#items[this.#head];
    this.#head += 1;
    // Slots that were read hold their items until then.
    if (this.#head * 2 > this.#items.length) this.unshift([]);
    return first;
  }

  pop(): Item | undefined {
    return this.#items.pop();
  }

  unshift(items: readonly Item[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  remove(item: Item): boolean {
    const at = this.#items.indexOf(item, this.#head);
    if (at >= 0) this.#items.splice(at, 1);
    return at >= 0;
  }
}

/** A queue; an item is pushed and found under the key of whom it belongs to. */
export class TurnQueue<Item> {
  /** The map's order is the order of the turn. */
  readonly #lines = new Map<string, Line<Item>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many keys wait. */
  get keys(): number {
    return this.#lines.size;
  }

  sizeOf(key: string): number {
    return this.#lines.get(key)?.size ?? 0;
  }

  push(key: string, item: Item): void {
    this.#lineOf(key).push(item);
    this.#size += 1;
  }

  /** Takes the next item of the key whose turn it is. */
  shift(): Item | undefined {
    const next = this.#lines.entries().next();
    if (next.done === true) return undefined;
    const [key, line] = next.value;
    const item = line.shift();
    this.#size -= 1;
    this.#lines.delete(key);
    if (line.size > 0) this.#lines.set(key, line);
    return item;
  }

  /** Puts items before all others of their keys, in the order given. */
  unshift(items: readonly Item[], keyOf: (item: Item) => string): void {
    const byKey = new Map<string, Item[]>();
    for (const item of items) {
      const key = keyOf(item);
      const own = byKey.get(key);
      if (own === undefined) byKey.set(key, [item]);
      else own.push(item);
    }
    for (const [key, own] of byKey) this.#lineOf(key).unshift(own);
    this.#size += items.length;
  }

  /** Takes the newest item of the key that has the most. */
  popLongest(): Item | undefined {
    let longest: [string, Line<Item>] | undefined;
    for (const each of this.#lines) {
      if (longest === undefined || each[1].size > longest[1].size) longest = each;
    }
    if (longest === undefined) return undefined;
    const [key, line] = longest;
    const item = line.pop();
    this.#leave(key, line);
    return item;
  }

  /** Takes an item out of the middle; no change when it does not wait. */
  remove(key: string, item: Item): void {
    const line = this.#lines.get(key);
    if (line?.remove(item) === true) this.#leave(key, line);
  }

  #lineOf(key: string): Line<Item> {
    const line = this.#lines.get(key) ?? new Line<Item>();
    this.#lines.set(key, line);
    return line;
  }

  #leave(key: string, line: Line<Item>): void {
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(key);
  }
}
