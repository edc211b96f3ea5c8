/** A world is its seed: whatever the process did before, the same seed has the same course. */
import { expect, it } from "vitest";
import { playWorld } from "../support/sim/play-worlds.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

it("has the same course each time that it is played", async () => {
  const traces = [];
  for (const seed of SEEDS) traces.push(await playWorld(seed));
  const again = [];
  for (const seed of SEEDS.toReversed()) again.unshift(await playWorld(seed));
  expect(again).toEqual(traces);
  expect(new Set(traces).size).toBe(SEEDS.length);
});
