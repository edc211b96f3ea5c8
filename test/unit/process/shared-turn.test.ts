/** Long work in pieces: others have the event loop in between, wherever the work was begun. */
import { stat } from "node:fs";
import { expect, it } from "vitest";
import { beginTurn } from "../../../src/process/shared-turn.ts";

/** Keeps the event loop, as a piece of work does. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Whether a timer that fell due during a long piece of work has fired once the turn is shared. */
async function isTimerHeard(): Promise<boolean> {
  let isHeard = false;
  setTimeout(() => {
    isHeard = true;
  });
  const share = beginTurn();
  work(15);
  await share();
  return isHeard;
}

it("a turn is shared after a long piece of work, also of one that an answer from outside began", async () => {
  expect(await isTimerHeard()).toBe(true);
  expect(await new Promise((resolve) => stat(".", () => resolve(isTimerHeard())))).toBe(true);
});
