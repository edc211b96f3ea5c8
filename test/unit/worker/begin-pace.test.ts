/** How many tasks begin in a second. */
import { expect, test } from "vitest";
import { BeginPace } from "../../../src/worker/begin-pace.ts";

/** How many begin within the time, asked each millisecond. */
function begun(pace: BeginPace, fromMs: number, untilMs: number): number {
  let count = 0;
  for (let nowMs = fromMs; nowMs < untilMs; nowMs++) while (pace.take(nowMs) === 0) count += 1;
  return count;
}

test.each([1, 5, 20, 40])("a rate of %d a second is not passed after a pause", (rate) => {
  const pace = new BeginPace(rate);
  expect(begun(pace, 5_000, 6_000)).toBe(rate);
  expect(begun(pace, 60_000, 61_000)).toBe(rate);
});

test("a high rate catches up with timers that are late, and passes its second by no more", () => {
  const pace = new BeginPace(2_000);
  expect(begun(pace, 5_000, 6_000)).toBeLessThanOrEqual(2_000 + 41);
  expect(begun(pace, 6_000, 7_000)).toBe(2_000);
});
