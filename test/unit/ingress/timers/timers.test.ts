import { expect, it } from "vitest";
import { isFull } from "../../../../src/ingress/timers/timers.ts";

it.each([
  [0, false],
  [499, false],
  [500, true],
  // 500 steps and a run's deadline.
  [501, true],
  [1_500, true],
])("a round with %i timers due is followed by the next at once: %s", (found, full) => {
  expect(isFull(found)).toBe(full);
});
