/** Reports by TransitionStep, with everything unset but what is given. */
import type { Cause, Input, StepReport } from "../../../src/engine/values/input.ts";

const RPC: Cause = { kind: "rpc", id: "test" };
const UNSET = {
  objectiveId: "",
  agentId: "",
  delegationId: "",
  approvalRequestId: "",
  governanceDecision: "",
  eventId: "",
  notificationId: "",
  errorMessage: "",
  costUsd: 0,
} as const;

/** The report. */
export function stepReport(
  stepId: string,
  state: StepReport["state"],
  more: Partial<StepReport> = {},
): StepReport {
  return { stepId, state, ...UNSET, ...more };
}

/** The report as an input of a run. */
export function transitioned(
  stepId: string,
  state: StepReport["state"],
  more: Partial<StepReport> = {},
): Extract<Input, { kind: "step_reported" }> {
  return { kind: "step_reported", cause: RPC, report: stepReport(stepId, state, more) };
}
