/** The fault suite's plans follow from their seeds alone, and a soak sees growth. */
import { describe, expect, it } from "vitest";
import { planOf, USUAL_SIZE } from "../support/faults/schedule/plan.ts";
import { SEEDED_BUGS } from "../support/faults/seeded-bugs.ts";
import { findGrowth } from "../support/faults/suite/flatness.ts";
import { CAUGHT_BY, CAUGHT_BY_TEST } from "../support/faults/suite/seeded-bugs-caught.ts";
import { SHAPES } from "../support/faults/workload/shapes.ts";

const SEEDS = Array.from({ length: 300 }, (_, index) => index + 1);

describe("the plan of a seed", () => {
  it("is the same each time", () => {
    for (const seed of SEEDS) expect(planOf(seed)).toEqual(planOf(seed));
  });

  it("has as many faults and runs as it is asked for", () => {
    for (const seed of SEEDS) {
      const { points, timed, runs, replicas } = planOf(seed);
      const faults = points.length + timed.length;
      expect(faults).toBeGreaterThanOrEqual(USUAL_SIZE.fewestFaults);
      expect(faults).toBeLessThanOrEqual(USUAL_SIZE.mostFaults);
      expect(new Set(runs.map(({ shape }) => shape)).size).toBe(SHAPES.length);
      for (const { replica } of [...points, ...timed]) expect(replica).toBeLessThan(replicas);
    }
  });

  it("pauses runs of each shape that has a caller, in some seed", () => {
    const runs = SEEDS.flatMap((seed) => planOf(seed).runs);
    const paused = runs.filter(({ pause }) => pause !== undefined).map(({ shape }) => shape);
    expect([...new Set(paused)].sort()).toEqual(
      SHAPES.filter((shape) => shape !== "triggered").sort(),
    );
  });

  it("has every mode of a fault in some seed", () => {
    const modes = SEEDS.flatMap((seed) => planOf(seed).points.map(({ fault }) => fault.mode));
    expect([...new Set(modes)].sort()).toEqual(["delay", "kill", "lose", "stop", "throw"]);
  });
});

describe("growth over a soak", () => {
  const samples = (from: number, to: number) =>
    Array.from({ length: 40 }, (_, index) => from + ((to - from) * index) / 39);

  it("is found where it is over the floor and over a tenth", () => {
    const growing = { name: "memory", floor: 10, samples: samples(100, 200) };
    expect(findGrowth([growing])).toEqual(["memory grew from 138 to 190"]);
  });

  it("is none below the floor, below a tenth, or while it warms up", () => {
    const warmUp = [...samples(1, 100).slice(0, 10), ...samples(100, 100).slice(0, 30)];
    expect(
      findGrowth([
        { name: "small", floor: 200, samples: samples(100, 200) },
        { name: "slight", floor: 0, samples: samples(1_000, 1_050) },
        { name: "early", floor: 0, samples: warmUp },
      ]),
    ).toEqual([]);
  });
});

it("knows what catches each seeded bug", () => {
  const names = SEEDED_BUGS.map(({ name }) => name).sort();
  expect(Object.keys({ ...CAUGHT_BY, ...CAUGHT_BY_TEST }).sort()).toEqual(names);
});
