/**
 * The steps of a run as mocks: a simulation answers as the run was answered.
 * Boundary: reads a view. What does not fit a step is dropped by the engine (engine/simulation/mocks.ts).
 */
import {
  MOCK_DECISIONS,
  MOCK_OUTCOMES,
  type Mock,
  type Mocks,
} from "../../engine/simulation/mocks.ts";
import type { StepRun } from "../../engine/values/run.ts";
import type { RunView, StepView } from "../../engine/values/view.ts";

const EARLIER: Mock = { error: "this attempt failed in the run" };

/** The mocks of the steps that have begun. Of an attempt before the last one it is known alone that it failed. */
export function mocksOfRun({ steps }: RunView): Mocks {
  return new Map(
    steps.flatMap((view) => {
      const { step, row } = view;
      if (row === undefined) return [];
      const earlier = Array.from({ length: row.retryCount }, () => EARLIER);
      return [[step.def.id, [...earlier, mockOf(view, row)]] as const];
    }),
  );
}

function mockOf({ output = {} }: StepView, row: StepRun): Mock {
  const outcome = row.outputExtendsInput ? row.output?.outcome : undefined;
  // Timers ended it, or nothing has.
  if (row.state !== "COMPLETED" && row.state !== "COMPENSATED" && row.state !== "FAILED") {
    return { silent: true };
  }
  if (outcome === "timeout") return { silent: true };
  const took = row.retryCount === 0 ? (row.completedAtMs ?? row.startedAtMs) - row.startedAtMs : 0;
  const timed = { delayMs: Math.max(0, took), costUsd: row.costUsd };
  if (row.state === "FAILED") return { ...timed, error: row.errorMessage };
  const decided = MOCK_OUTCOMES.find((word) => word === outcome) ?? "approved";
  const decision = MOCK_DECISIONS.find((word) => word === row.governanceDecision.toLowerCase());
  return {
    ...{ ...timed, output, data: output, outcome: decided },
    ...(decision === undefined ? {} : { decision }),
  };
}
