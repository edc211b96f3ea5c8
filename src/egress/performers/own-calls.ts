/**
 * Calls of the service to itself: child runs are started, cancelled and compensated, and report to their parents.
 * Boundary: what they do is runtime/own-submissions.ts; no collaborator is asked. A processor or database that is away
 * counts as a collaborator that is away, so that the call is tried again.
 */
import { Code } from "@connectrpc/connect";
import { CallFailure } from "../../collaborators/call-failure.ts";
import type { CallResult } from "../../engine/values/call.ts";
import { Refusal } from "../../process/refusal.ts";
import {
  type ChildRunDeps,
  cancelChildRun,
  compensateChildRun,
  startChildRun,
  tellParentRun,
} from "../../runtime/own-submissions.ts";
import { performRerun } from "../../runtime/start-rerun.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import {
  decodeCancelRun,
  decodeCompensateRun,
  decodeStartRerun,
  decodeStartRun,
  decodeTellParent,
} from "../../wire/calls/own-calls.ts";
import type { Performer } from "./performer.ts";

/** What these performers work with. */
export type ChildRunPerformerDeps = ChildRunDeps;

/** Starts a child run, once. */
export function performStartRun(deps: ChildRunPerformerDeps): Performer {
  return (call) => orAway(startChildRun(deps, call, decodeStartRun(call.request)));
}

/** Cancels a child run. */
export function performCancelRun(deps: ChildRunPerformerDeps): Performer {
  return (call) => orAway(cancelChildRun(deps, call, decodeCancelRun(call.request)));
}

/** Requests the compensation of a child run. */
export function performCompensateRun(deps: ChildRunPerformerDeps): Performer {
  return (call) => orAway(compensateChildRun(deps, call, decodeCompensateRun(call.request)));
}

/** Reports to a parent run that its child ended. */
export function performTellParent(deps: ChildRunPerformerDeps): Performer {
  return (call) => orAway(tellParentRun(deps, call, decodeTellParent(call.request)));
}

/** Starts the rerun of a run, once. */
export function performStartRerun(deps: ChildRunPerformerDeps): Performer {
  return (call) => orAway(performRerun(deps, call, decodeStartRerun(call.request)));
}

async function orAway(result: Promise<CallResult>): Promise<CallResult> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof Refusal) || !isTemporary(error)) throw error;
    const facts = { kind: "broken", code: Code.Unavailable, cause: error } as const;
    throw new CallFailure(error.message, facts);
  }
}
