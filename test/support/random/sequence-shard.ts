/**
 * A share of the random sequences that every CI run plays, as a file of its own so that shares run side by side.
 * A failure names the seed it came from; `PROPERTY_SEED=<seed> npm test -- property` plays that one alone.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { playSequences, type Reached, RUNS_PER_VERSION } from "./random-sequence.ts";

/** Sequences of one share. Four shares make the 20,000 of a run of CI. */
const SEQUENCES = 5_000;
/** What each share must reach to be worth anything. */
const REACHED_AT_LEAST: Readonly<Record<string, number>> = {
  COMPLETED: 500,
  FAILED: 500,
  CANCELLED: 50,
  pause: 250,
  resume: 250,
  cancel: 100,
  compensated: 250,
  retrying: 500,
  skipped: 500,
  "paused at every input": 250,
  "in pieces": 250,
  "rerun with reused steps": 250,
};

/** Plays one share. */
export function playShard(): void {
  const given = process.env.PROPERTY_SEED;
  const reached: Reached = new Map();
  if (given !== undefined) {
    playSequences(Number(given), reached);
    return;
  }
  const seeds = fc.noBias(fc.nat(0x7fff_ffff));
  const property = fc.property(seeds, (seed) => playSequences(seed, reached));
  // Neighbouring seeds are unrelated, so shrinking is useless.
  fc.assert(property, { numRuns: SEQUENCES / RUNS_PER_VERSION, endOnFailure: true });
  for (const [name, times] of Object.entries(REACHED_AT_LEAST)) {
    expect(reached.get(name) ?? 0, name).toBeGreaterThanOrEqual(times);
  }
}
