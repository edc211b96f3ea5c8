/** The fault suite's plans follow from their seeds alone, and a soak sees growth. */
import { describe, expect, it } from "vitest";
import { makeTroubles } from "../../src/sandbox/trouble.ts";
import { planOf, USUAL_SIZE } from "../support/faults/schedule/plan.ts";
import { SEEDED_BUGS } from "../support/faults/seeded-bugs.ts";
import { findGrowth, isJudged } from "../support/faults/suite/flatness.ts";
import {
  pickByName,
  readOptions,
  readWholeNumber,
  WrongOption,
} from "../support/faults/suite/options.ts";
import { CAUGHT_BY, CAUGHT_BY_TEST } from "../support/faults/suite/seeded-bugs-caught.ts";
import { SHAPES } from "../support/faults/workload/shapes.ts";
import { countCallsMet } from "../support/faults/world/calls-met.ts";

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

  it("has faults at the points of tasks and of results, in some seed", () => {
    const points = SEEDS.flatMap((seed) => planOf(seed).points.map(({ fault }) => fault.point));
    const ofTasks = points.filter((point) => /^(tasks|results)\./.test(point));
    expect([...new Set(ofTasks)].length).toBe(5);
    for (const seed of SEEDS) expect(planOf(seed).extras).toEqual(["tasks"]);
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

  it("is not judged of few samples", () => {
    const short = { name: "short", floor: 0, samples: [1, 10, 100, 1_000, 10_000, 100_000, 1e6] };
    expect([isJudged(short), findGrowth([short])]).toEqual([false, []]);
    const enough = { ...short, samples: [...short.samples, 1e7] };
    expect([isJudged(enough), findGrowth([enough])]).toEqual([
      true,
      ["short grew from 1000 to 10000000"],
    ]);
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

describe("a call that meets a trouble", () => {
  it("is counted for its service, by one RPC or all of them", () => {
    const troubles = makeTroubles();
    const countMet = countCallsMet(troubles);
    troubles.begin("agents.", "hang", 2);
    const path = "/agents.v1.AgentService/List";
    expect([troubles.meet(path), troubles.meet("/objectives.v1.X/Get")]).toEqual([
      "hang",
      undefined,
    ]);
    expect([troubles.meet(path), troubles.meet(path)]).toEqual(["hang", undefined]);
    expect(countMet("agents.")).toBe(2);
    expect(countMet("agents.v1.AgentService/List")).toBe(2);
    expect(countMet("objectives.")).toBe(0);
  });
});

describe("the arguments of the commands", () => {
  it.each(["abc", "0", "-1", "1.5", "", "99999999999999999999"])("refuse the number %j", (text) => {
    expect(() => readWholeNumber("minutes", text, { least: 1, other: 10 })).toThrow(WrongOption);
  });

  it("are numbers, or what is usual", () => {
    expect(readWholeNumber("minutes", "12", { least: 1, other: 10 })).toBe(12);
    expect(readWholeNumber("minutes", undefined, { least: 1, other: 10 })).toBe(10);
  });

  it("are options that there are, told in one sentence", () => {
    expect(readOptions(["--seed", "7"], ["seed"])).toEqual({ seed: "7" });
    const message = "Unknown option '--sed'; there are --seed.";
    expect(() => readOptions(["--sed", "7"], ["seed"])).toThrow(new WrongOption(message));
    expect(() => readOptions(["seed"], ["seed"])).toThrow(WrongOption);
  });

  it("name lines by their first words, wholly", () => {
    const lines = ["F1 kills", "F10 owners", "F10 by gRPC"].map((fault) => ({ fault }));
    expect(pickByName(lines, "F1")).toEqual([{ fault: "F1 kills" }]);
    expect(pickByName(lines, "F10")).toHaveLength(2);
    expect(pickByName(lines, undefined)).toHaveLength(3);
    expect(() => pickByName(lines, "F")).toThrow(WrongOption);
  });
});

it("knows what catches each seeded bug", () => {
  const names = SEEDED_BUGS.map(({ name }) => name).sort();
  expect(Object.keys({ ...CAUGHT_BY, ...CAUGHT_BY_TEST }).sort()).toEqual(names);
});
