/** How long a run that could not be begun is left out. */
import { expect, test } from "vitest";
import { LeftOutRuns } from "../../../src/runtime/left-out-runs.ts";

test("a run is left out for a second, and twice as long after each further failure, 5 minutes at most", () => {
  let nowMs = 0;
  const leftOut = new LeftOutRuns(() => nowMs);
  const pauses = Array.from({ length: 12 }, () => {
    leftOut.leaveOut("a");
    const beganMs = nowMs;
    while (leftOut.ids().includes("a")) nowMs += 500;
    return (nowMs - beganMs) / 1_000;
  });
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  leftOut.forget("a");
  leftOut.leaveOut("a");
  nowMs += 1_000;
  expect(leftOut.ids()).toEqual([]);
});

test("1,000 are left out at most", () => {
  const leftOut = new LeftOutRuns(() => 0);
  for (let n = 0; n <= 1_000; n += 1) leftOut.leaveOut(`run_${n}`);
  const ids = leftOut.ids();
  expect([ids.length, ids.includes("run_0"), ids.includes("run_1000")]).toEqual([
    ...[1_000, false, true],
  ]);
});
