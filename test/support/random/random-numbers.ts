/** Random numbers from a seed: cheap, and the same on every machine. */

/** A source of random choices. */
export interface RandomNumbers {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
  pick<Item>(items: readonly Item[]): Item | undefined;
}

/** Mulberry32. */
export function randomNumbers(seed: number): RandomNumbers {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  const below = (limit: number) => next() % limit;
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick: (items) => (items.length === 0 ? undefined : items[below(items.length)]),
  };
}
