/**
 * Whether what was sampled over a soak stays flat.
 * Boundary: pure. The first quarter is warming up; behind it the last samples are compared with the first ones.
 */

/** A quantity that must not grow. */
export interface Quantity {
  readonly name: string;
  /** Growth up to this, in its own unit, is never a fault. */
  readonly floor: number;
  readonly samples: readonly number[];
}

const WARM_UP = 1 / 4;
const COMPARED = 1 / 3;
const GROWTH_AT_MOST = 0.1;
const FEWEST_SAMPLES = 8;

/** Quantities with fewer samples than that are not judged. */
export function isJudged({ samples }: Quantity): boolean {
  return samples.length >= FEWEST_SAMPLES;
}

/** What grew, of the quantities that are judged. */
export function findGrowth(quantities: readonly Quantity[]): string[] {
  return quantities.filter(isJudged).flatMap(({ name, floor, samples }) => {
    const warm = samples.slice(Math.floor(samples.length * WARM_UP));
    const compared = Math.max(1, Math.floor(warm.length * COMPARED));
    const before = medianOf(warm.slice(0, compared));
    const after = medianOf(warm.slice(-compared));
    const growth = after - before;
    if (growth <= floor || growth <= before * GROWTH_AT_MOST) return [];
    return [`${name} grew from ${Math.round(before)} to ${Math.round(after)}`];
  });
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
