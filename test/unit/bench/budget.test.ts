import { expect, test } from "vitest";
import { countsOver, judge } from "../../../bench/steps/budget.ts";

const BUDGET = { statements: 8, roundTrips: 8, commits: 5 };

test("one query more than the budget is over it, one less is not", () => {
  expect(countsOver(BUDGET, BUDGET)).toEqual([]);
  expect(countsOver({ statements: 7.9, roundTrips: 7.9, commits: 4.9 }, BUDGET)).toEqual([]);
  expect(countsOver({ statements: 9, roundTrips: 9, commits: 5 }, BUDGET)).toEqual([
    "9.00 statements, over 8",
    "9.00 round trips, over 8",
  ]);
  expect(countsOver({ ...BUDGET, commits: 5.01 }, BUDGET)).toEqual(["5.01 commits, over 5"]);
});

test("transactions count where the budget has them", () => {
  const counts = { ...BUDGET, transactions: 3.9 };
  expect(countsOver(counts, BUDGET)).toEqual([]);
  expect(countsOver(counts, { ...BUDGET, transactions: 3.4 })).toEqual([
    "3.90 transactions of several round trips, over 3.4",
  ]);
});

test("a rounding of the division is not over the budget", () => {
  expect(countsOver({ ...BUDGET, statements: 8.004 }, BUDGET)).toEqual([]);
});

test("bytes and rows fail at more than twice the budget only", () => {
  const budget = { walBytes: 100, rows: 4 };
  expect(judge({ walBytes: 100.4, rows: 4.04 }, budget)).toBe("ok");
  expect(judge({ walBytes: 200, rows: 4 }, budget)).toBe("over");
  expect(judge({ walBytes: 100, rows: 8.1 }, budget)).toBe("over twice");
});
