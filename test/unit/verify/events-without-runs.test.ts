/** Which events without a run the service has lost (test/support/engines/events-without-runs.ts). */
import { expect, it } from "vitest";
import { fateOf } from "../../support/engines/events-without-runs.ts";

it("excuses an event only where the service never acknowledged that very one", () => {
  const sequences = new Map([
    ["done", [1]],
    ["unseen", [2]],
    ["lost", [3]],
    ["skipped", [4]],
    // Published twice, for the first answer did not come.
    ["lost-too", [5, 6]],
  ]);
  const events = [...sequences.keys(), "not-stored"];
  const started = new Set(["done", "unseen"]);
  expect(fateOf(sequences, { events, started, acked: new Set([1, 3, 6]) })).toEqual({
    lost: ["lost", "lost-too", "not-stored"],
    skipped: ["skipped"],
    unseen: 1,
  });
});
