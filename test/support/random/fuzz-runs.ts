/**
 * How often a fuzz test runs, and how a failure of it is played again.
 * fast-check prints the seed and the path of a failure: `PROPERTY_SEED=<seed> PROPERTY_PATH=<path> npm test -- <file>`
 * plays that input alone. `PROPERTY_TIMES=20` runs twenty times as many inputs, for the figures before a release.
 */
import type { Parameters } from "fast-check";

const { PROPERTY_SEED, PROPERTY_PATH, PROPERTY_TIMES } = process.env;

/** Whether one input is played again, so that nothing can be counted. */
export const IS_REPLAY = PROPERTY_PATH !== undefined;

/** How many times the usual number of inputs is wanted. */
const FUZZ_TIMES = Number(PROPERTY_TIMES ?? 1);

/** The limit of a test whose usual one is `ms`. */
export function fuzzTimeoutMs(ms: number): number {
  return ms * Math.max(1, FUZZ_TIMES);
}

/** Parameters of fast-check for a property that each change plays `each` times. */
export function fuzzRuns<Inputs>(each: number): Parameters<Inputs> {
  return {
    numRuns: Math.ceil(each * FUZZ_TIMES),
    ...(PROPERTY_SEED === undefined ? {} : { seed: Number(PROPERTY_SEED) }),
    ...(PROPERTY_PATH === undefined ? {} : { path: PROPERTY_PATH }),
  };
}
