/**
 * RetryStep, SkipStep, CompleteStep and FailStep: what a person orders for an open or held step.
 * Boundary: refuses a step that is not open; who may order is judged by ingress.
 * Invariant: the attempt in flight is given up first: its objective, task and child runs are cancelled.
 */
import type { Draft } from "../draft/draft.ts";
import { retryAt } from "../flow/between-attempts.ts";
import { failure, goBadly, skipByHand, succeed } from "../flow/ending.ts";
import { isLate } from "../flow/late.ts";
import { releaseAttempt } from "../flow/release.ts";
import { findOtherDigest } from "../steps/approvals/approval.ts";
import { BEHAVIOURS } from "../steps/behaviours.ts";
import type { StepTask } from "../steps/contract.ts";
import { STEP_FACTS } from "../steps/registry.ts";
import { isTimer } from "../steps/wait-for-event/timer.ts";
import type { Cause, StepOrder } from "../values/input.ts";
import type { Lookups } from "../values/lookups.ts";
import type { Reply } from "../values/reply.ts";
import type { StepState } from "../values/run.ts";

const TARGETS = {
  retry: "RUNNING",
  skip: "COMPLETED",
  complete: "COMPLETED",
  fail: "FAILED",
} as const satisfies Record<StepOrder["act"], StepState>;

/** Applies an order to a step that is RUNNING or WAITING. */
export function stepOrdered(
  draft: Draft,
  order: StepOrder,
  { by = "" }: Cause,
  lookups: Lookups,
): Reply {
  const index = draft.graph.indexById.get(order.stepId);
  if (index === undefined) {
    const message = `run ${draft.run.id} has no step ${order.stepId}`;
    return { kind: "refused", reason: "unknown_step", from: "", to: TARGETS[order.act], message };
  }
  const from = draft.marks.state(index);
  if (isLate(draft, index)) return refuse(order, from, refusalOf(draft, order, from));
  const task = { draft, index, lookups };
  switch (order.act) {
    case "retry":
      orderRetry(task);
      break;
    case "skip":
      releaseAttempt(draft, index, "the step was skipped");
      skipByHand(draft, index, productOf(draft, index, order));
      break;
    case "complete":
      return complete(task, order, by);
    case "fail":
      failByHand(draft, index, order.reason);
      break;
  }
  return { kind: "applied" };
}

/** FailStep, and TransitionStep of a held step to FAILED. A held step keeps its own error. */
export function failByHand(draft: Draft, index: number, reason: string): void {
  const { detail, errorMessage } = draft.rows.peek(index);
  releaseAttempt(draft, index, "the step was failed by hand");
  const said = reason === "" ? "failed by hand" : reason;
  const message = detail.held === undefined ? said : errorMessage;
  goBadly(draft, index, { ...failure(message, false), stops: true });
}

function refuse({ act }: StepOrder, from: StepState, message: string): Reply {
  return { kind: "refused", reason: "illegal_move", from, to: TARGETS[act], message };
}

function refusalOf({ run }: Draft, { act, stepId }: StepOrder, from: StepState): string {
  const isOpen = from === "RUNNING" || from === "WAITING";
  const why = isOpen ? `its run is ${run.state}` : `it is ${from}`;
  return `cannot ${act} step ${stepId}: ${why}`;
}

/** Between two attempts the next one begins now, and is the same. */
function orderRetry({ draft, index }: StepTask): void {
  if (draft.rows.peek(index).detail.retrying !== true) {
    releaseAttempt(draft, index, "another attempt of the step was ordered");
    retryAt(draft, index, draft.nowMs);
    return;
  }
  draft.rows.row(index).wakeAtMs = draft.nowMs;
  if (draft.run.state === "PAUSED") {
    draft.noteStep(index, draft.marks.state(index), { note: "recorded" });
  } else draft.work.begin(index);
}

/** A gate or a check is approved, as by TransitionStep; any other step has the output that is given. */
function complete(task: StepTask, order: StepOrder, by: string): Reply {
  const { draft, index } = task;
  const { output = {}, reason, stepId } = order;
  const step = draft.step(index);
  if (!STEP_FACTS[step.type].isDecision) {
    releaseAttempt(draft, index, "the step was completed by hand");
    succeed(draft, index, productOf(draft, index, order));
    return { kind: "applied" };
  }
  const digest = findOtherDigest(draft.rows.peek(index), output);
  if (digest !== undefined) {
    const message = `the digest ${digest} is not the digest of step ${stepId}'s request`;
    return refuse(order, draft.marks.state(index), message);
  }
  BEHAVIOURS[step.kind].completedByHand(task, {
    ...{ stepId, state: "COMPLETED", output, agentId: by, errorMessage: reason },
    ...{ objectiveId: "", delegationId: "", approvalRequestId: "", governanceDecision: "" },
    ...{ eventId: "", notificationId: "", costUsd: 0 },
  });
  return { kind: "applied" };
}

/** A step whose output holds its input adds to it what is given. */
function productOf(draft: Draft, index: number, { output = {} }: StepOrder) {
  const { type, def } = draft.step(index);
  const { passesInput } = STEP_FACTS[type];
  return { output, extendsInput: passesInput === "always" || isTimer(def) };
}
