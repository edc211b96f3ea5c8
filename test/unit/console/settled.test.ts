/** Changes in a row are answered together, and a slow answer is not cancelled by the next change. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { settled } from "../../../console/src/api/settled.ts";
import { pause } from "../../../src/client/pauses.ts";

const AFTER_MS = 5;
const ANSWER_MS = 60;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("answers changes that come while an answer is under way once more, after it", async () => {
  let begun = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const { changed, stop } = settled(AFTER_MS, async () => {
    begun += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await pause(ANSWER_MS, undefined);
    atOnce -= 1;
  });
  for (let time = 0; time < 8; time += 1) {
    changed();
    await vi.advanceTimersByTimeAsync(AFTER_MS);
  }
  expect([begun, atOnce]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(3 * ANSWER_MS);
  expect([begun, atOnce, mostAtOnce]).toEqual([2, 0, 1]);
  stop();
  changed();
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  expect(begun).toBe(2);
});
