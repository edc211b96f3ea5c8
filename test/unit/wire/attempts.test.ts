/** The attempts of a step, as its history tells them. */
import { expect, it } from "vitest";
import { StepRunState } from "../../../gen/workflows/v1/workflows_pb.ts";
import type { Cause } from "../../../src/engine/values/input.ts";
import type { Move } from "../../../src/engine/values/move.ts";
import { attemptsOf } from "../../../src/wire/attempts.ts";
import { EngineRun, step, version } from "../../support/engine/engine-run.ts";

const CAUSE: Cause = { kind: "engine", id: "test" };
const recordedAt = new Date(0);

function taskWith(config: Record<string, string>): EngineRun {
  return EngineRun.start(version([step({ id: "a", config })]));
}

function attemptsIn(run: EngineRun) {
  return attemptsOf(
    0,
    run.history.map((row) => ({ recordedAt, ...row })),
  );
}

it("of a history that was cut count the end of an attempt for that attempt", () => {
  const moved = { of: "step", step: 0, from: "RUNNING", to: "RUNNING", retry: 3 } as const;
  const moves: Move[] = [
    { ...moved, op: "retrying" },
    { ...moved, op: "started" },
  ];
  const attempts = attemptsOf(0, [{ recordedAt, cause: CAUSE, moves }]);
  expect(attempts.map(({ attempt }) => attempt)).toEqual([3, 4]);
});

it("have not failed for what a caller gives as reason", () => {
  const run = taskWith({});
  run.report("a", "COMPLETED", { reason: "held" });
  expect(attemptsIn(run)).toMatchObject([{ state: StepRunState.COMPLETED }]);
});

it("have failed when their step is held, whatever a caller gives as reason", () => {
  const run = taskWith({ on_error: "hold" });
  run.report("a", "RUNNING");
  run.report("a", "FAILED", { reason: "no form" });
  expect(attemptsIn(run)).toMatchObject([{ state: StepRunState.FAILED }]);
  const move = run.history.at(-1)?.moves[0];
  expect(move).toMatchObject({ to: "WAITING", note: "held", reason: "no form" });
});
