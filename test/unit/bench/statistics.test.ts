import { expect, test } from "vitest";
import { mediansOf } from "../../../bench/report/medians.ts";
import { median, quantile } from "../../../bench/report/statistics.ts";

test("the median of an even number of values lies between the middle two", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
  expect(() => median([])).toThrow("there are no values");
});

test("values are ordered as numbers, and a percentile is one of them", () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at);
  expect(quantile(values, 0.99)).toBe(199);
  expect(quantile([10, 9, 100], 0.99)).toBe(100);
  expect(quantile([7], 0.99)).toBe(7);
});

test("repetitions of a line on one engine become one median, with all their numbers", () => {
  const sample = (repetition: number, p50Ms: number, more: Record<string, number> = {}) => ({
    line: "one" as const,
    subject: "ours" as const,
    repetition,
    values: { p50Ms, ...more },
  });
  const other = { line: "one", subject: "floor", repetition: 1, values: { p50Ms: 2 } } as const;
  expect(mediansOf([sample(1, 30), other, sample(2, 10, { p99Ms: 7 }), sample(3, 20)])).toEqual([
    {
      line: "one",
      subject: "ours",
      medians: { p50Ms: 20, p99Ms: 7 },
      all: { p50Ms: [30, 10, 20], p99Ms: [7] },
    },
    { line: "one", subject: "floor", medians: { p50Ms: 2 }, all: { p50Ms: [2] } },
  ]);
});
