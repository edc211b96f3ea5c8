import { expect, test } from "vitest";
import { playWorld } from "../support/sim/play-worlds.ts";

test("worlds", async () => {
  const counts = new Map<string, number>();
  const began = performance.now();
  const faults: string[] = [];
  const from = Number(process.env.SIMULATION_SEED ?? 1);
  const n = process.env.SIMULATION_SEED ? 1 : 40;
  for (let seed = from; seed < from + n; seed += 1) {
    try { await playWorld(seed, counts); } catch (e) { faults.push(String(e instanceof Error ? e.stack : e)); }
  }
  console.log(performance.now() - began, [...counts]);
  expect(faults).toEqual([]);
});
