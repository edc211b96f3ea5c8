/** Changes in a row are answered together, and a slow answer is not cancelled by the next change. */
import { expect, it } from "vitest";
import { settled } from "../../../console/src/api/settled.ts";
import { pause } from "../../../src/client/pauses.ts";

it("answers changes that come while an answer is under way once more, after it", async () => {
  let begun = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const { changed, stop } = settled(5, async () => {
    begun += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await pause(60, undefined);
    atOnce -= 1;
  });
  for (let time = 0; time < 8; time += 1) {
    changed();
    await pause(5, undefined);
  }
  await expect.poll(() => begun).toBe(2);
  await expect.poll(() => atOnce).toBe(0);
  await pause(20, undefined);
  expect([begun, mostAtOnce]).toEqual([2, 1]);
  stop();
  changed();
  await pause(20, undefined);
  expect(begun).toBe(2);
});
