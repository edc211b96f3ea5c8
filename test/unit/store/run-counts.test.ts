/** Classes of durations, and what is estimated from them. */
import { expect, it } from "vitest";
import { classEndMs, durationClass, quantileMs } from "../../../src/store/run-counts.ts";

it("puts a duration into the class that ends behind it", () => {
  for (const ms of [0, 9, 10, 11, 99, 100, 101, 12_345, 86_400_000, 2_592_000_000]) {
    const number = durationClass(ms);
    expect(ms).toBeLessThanOrEqual(classEndMs(number) * (1 + 1e-12));
    if (number > 0) expect(ms).toBeGreaterThan(classEndMs(number - 1) * (1 - 1e-12));
  }
});

it("has one last class for what takes longer than a month", () => {
  expect(durationClass(1e12)).toBe(durationClass(1e13));
});

it("estimates what half of the runs, and 95 of 100, do not exceed, to a third", () => {
  const durations = Array.from({ length: 1_000 }, (_, n) => 20 + n * 7);
  const byClass = new Map<number, number>();
  for (const ms of durations) {
    const number = durationClass(ms);
    byClass.set(number, (byClass.get(number) ?? 0) + 1);
  }
  for (const share of [0.5, 0.95]) {
    const exact = durations[Math.ceil(share * durations.length) - 1] ?? 0;
    const estimate = quantileMs(byClass, share) ?? 0;
    expect(Math.abs(estimate / exact - 1)).toBeLessThan(0.34);
  }
});

it("estimates nothing without runs, also where an end was taken back", () => {
  expect(quantileMs(new Map(), 0.5)).toBe(undefined);
  expect(quantileMs(new Map([[3, 0]]), 0.5)).toBe(undefined);
});
