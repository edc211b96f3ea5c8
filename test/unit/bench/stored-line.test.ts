import { expect, test } from "vitest";
import { worstSweep } from "../../../bench/lines/stored-line.ts";

test("the sweep that grew most is found by its ratio, and nothing but sweeps counts", () => {
  const empty = { "sweepMs.a": 1, "sweepMs.b": 10, cpuMs: 1 };
  expect(worstSweep(empty, { "sweepMs.a": 1.6, "sweepMs.b": 12, cpuMs: 9 })).toBe(1.6);
});
