/**
 * RetryStep, SkipStep, CompleteStep and FailStep: a person mends a step.
 * Boundary: reads the order and judges who gives it; what it does is the engine's (engine/inputs/order.ts).
 * Invariant: an agent gives no order, and only an admin one for a step whose outcome is a decision.
 */
import {
  type CompleteStepRequest,
  CompleteStepRequestSchema,
  type FailStepRequest,
  FailStepRequestSchema,
  type RetryStepRequest,
  RetryStepRequestSchema,
  type SkipStepRequest,
  SkipStepRequestSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import { STEP_FACTS } from "../../engine/steps/registry.ts";
import type { StepOrder } from "../../engine/values/input.ts";
import { refuseAgent } from "./actor.ts";
import { checkFields, type Faults } from "./fields.ts";
import { requireScope } from "./guard.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import type { WriteDeps } from "./service-deps.ts";
import { checkOutput, findStep, readStep } from "./steps.ts";

type Order = Pick<RetryStepRequest, "runId" | "stepId" | "reason" | "attempt"> &
  Pick<Partial<SkipStepRequest>, "output">;

/** RetryStep: the next attempt begins. */
export function answerRetryStep(deps: WriteDeps, request: RetryStepRequest) {
  return give(deps, request, "retry", "RetryStep", checkFields(RetryStepRequestSchema, request));
}

/** SkipStep: COMPLETED without its work. */
export function answerSkipStep(deps: WriteDeps, request: SkipStepRequest) {
  return give(deps, request, "skip", "SkipStep", checkFields(SkipStepRequestSchema, request));
}

/** CompleteStep: COMPLETED as if its work were done. */
export function answerCompleteStep(deps: WriteDeps, request: CompleteStepRequest) {
  const faults = checkFields(CompleteStepRequestSchema, request);
  return give(deps, request, "complete", "CompleteStep", faults);
}

/** FailStep: FAILED as by config.on_error: stop. */
export function answerFailStep(deps: WriteDeps, request: FailStepRequest) {
  return give(deps, request, "fail", "FailStep", checkFields(FailStepRequestSchema, request));
}

async function give(
  deps: WriteDeps,
  request: Order,
  act: StepOrder["act"],
  method: string,
  faults: Faults,
) {
  const { runId, stepId, reason, output, attempt } = request;
  faults.require("run_id", runId);
  faults.require("step_id", stepId);
  faults.require("reason", reason);
  if (attempt < 0) faults.add("attempt", `is ${attempt}; attempts count from 1, and 0 names none`);
  faults.refuseIfAny();
  const { caller } = deps;
  refuseAgent(caller);
  const step = await findStep(deps, runId, stepId);
  if (step !== undefined) {
    if (caller !== undefined && STEP_FACTS[step.type].isDecision) {
      requireScope(caller, "workflows:admin");
    }
    // A step that is skipped without an output has none that could break its schema.
    const hands = act === "complete" || (act === "skip" && output !== undefined);
    if (hands) await checkOutput(deps, runId, step, output === undefined ? {} : { output });
  }
  const order: StepOrder = {
    ...{ act, stepId, reason },
    ...(output === undefined ? {} : { output }),
    ...(attempt === 0 ? {} : { attempt }),
  };
  const cause = { ...causeOf(deps, method), reason };
  await submitInput(deps, runId, { kind: "step_ordered", order, cause });
  return readStep(deps, request);
}
