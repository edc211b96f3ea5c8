/** The attempts of a step, as its history tells them. */
import { expect, it } from "vitest";
import type { Cause } from "../../../src/engine/values/input.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import { attemptsOf } from "../../../src/wire/attempts.ts";

const CAUSE: Cause = { kind: "engine", id: "test" };

function rowsOf(...moves: readonly Move[]) {
  return moves.map((move, at) => ({ recordedAt: new Date(at), cause: CAUSE, moves: [move] }));
}

it("of a history that was cut count the end of an attempt for that attempt", () => {
  const rows = rowsOf(
    { of: "step", step: 0, from: "RUNNING", to: "RUNNING", op: "retrying", retry: 3 },
    { of: "step", step: 0, from: "RUNNING", to: "RUNNING", op: "started", retry: 3 },
  );
  expect(attemptsOf(0, rows).map(({ attempt }) => attempt)).toEqual([3, 4]);
});
