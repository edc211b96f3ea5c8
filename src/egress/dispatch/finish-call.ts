/**
 * One call from its first try to its committed result.
 * Boundary: asks performers, judges by call-policy.ts, submits to the processor; leases are the dispatcher's.
 * Invariants:
 * 1. Every try sends the same key and bytes; a result is submitted until it is committed or refused for good.
 * 2. Whether a call may still be sent is judged when its turn has come, not only before it waits for the turn.
 */

import { CallFailure, NotSent } from "../../collaborators/call-failure.ts";
import {
  backoffMs,
  isInternalAnswer,
  judgeFailure,
  KEY_AGE_LIMIT_MS,
  outcomeUnknown,
} from "../../collaborators/call-policy.ts";
import { NotConfigured } from "../../collaborators/clients.ts";
import { type CallKind, type CallResult, OWN_CALLS } from "../../engine/values/call.ts";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { Refusal } from "../../process/refusal.ts";
import type { LeasedCall, Settled, Submission } from "../../runtime/submission.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import type { Performers } from "../performers/performers.ts";
import type { CallInHand } from "./call-in-hand.ts";

/** What finishing a call needs. */
export interface FinishCallDeps {
  readonly processor: { submit(submission: Submission): Promise<Settled> };
  readonly performers: Performers;
  readonly log: Log;
}

/** How a call left: committed (or not ours any more), or its run does not exist. */
export type CallEnd = "settled" | "unknown_run";

/** Performs a call and commits its result. Rejects with NotSent or the fault that keeps it from being finished. */
export async function finishCall(deps: FinishCallDeps, item: CallInHand): Promise<CallEnd> {
  await reached("call.leased", item.call.kind);
  const result = await performUntilAnswered(deps, item);
  if (result?.ok === false && ASKED_UNTIL_ANSWERED.has(item.call.kind))
    noteUncancelled(deps, item, result.message);
  return result === undefined ? "settled" : handBack(deps, item, result);
}

async function performUntilAnswered(
  deps: FinishCallDeps,
  item: CallInHand,
): Promise<CallResult | undefined> {
  const { call } = item;
  // A call may wait for its turn for hours, and is asked again when the turn comes.
  const isOver = () => item.dropped || whyOver(item) !== undefined;
  while (!item.dropped) {
    const over = whyOver(item);
    if (over !== undefined) return refusal(call, over);
    if (item.stopping) throw new NotSent("the service stops");
    try {
      await reached("call.performing", call.kind);
      const result = await deps.performers[call.kind]({ ...call, isOver }, item.nowMs);
      await reached("call.answered", call.kind);
      return result;
    } catch (error) {
      if (error instanceof NotConfigured) return { ok: false, message: error.message };
      if (error instanceof NotSent && isOver()) continue;
      if (!(error instanceof CallFailure)) throw error;
      const verdict = judge(item, error);
      if (verdict.kind === "refused") return refusal(call, verdict.message);
      const { callId, runId } = call;
      deps.log.debug("a call is tried again", { callId, runId, error });
      if (!item.givenUp) await item.pause(verdict.delayMs);
    }
  }
  return undefined;
}

/** Why a call is not to be sent any more; undefined while it is. */
function whyOver({ call, givenUp, ageMs }: CallInHand): string | undefined {
  if (givenUp) return "no step waits for it any more";
  if (ageMs > KEY_AGE_LIMIT_MS && !OWN_CALLS.has(call.kind)) return outcomeUnknown(ageMs);
  return undefined;
}

/** No attempt waits for it, and it creates nothing: an owner that fails is asked again until the age limit. */
const ASKED_UNTIL_ANSWERED: ReadonlySet<CallKind> = new Set(["cancel_objective"]);

/** The run is over, so nothing is written to it: the log says that the work of its step may go on. */
function noteUncancelled({ log }: FinishCallDeps, { call }: CallInHand, why: string): void {
  const { callId, runId, stepIndex } = call;
  log.warn("an objective could not be cancelled and may go on", { callId, runId, stepIndex, why });
}

function judge(item: CallInHand, failure: CallFailure) {
  item.tries += 1;
  const counts = isInternalAnswer(failure) && !ASKED_UNTIL_ANSWERED.has(item.call.kind);
  item.internalAnswers = counts ? item.internalAnswers + 1 : 0;
  return judgeFailure(failure, item, Math.random());
}

/** Submits the result; a database that is away and a lane that is full are waited out. */
async function handBack(
  deps: FinishCallDeps,
  item: CallInHand,
  result: CallResult,
): Promise<CallEnd> {
  let outcome = result;
  for (let tries = 1; ; tries += 1) {
    try {
      await deps.processor.submit(inputOf(item.call, outcome));
      await reached("call.result.committed", item.call.kind);
      return "settled";
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.reason === "not_found") return "unknown_run";
      // Its step fails for good: tried again, the same result would be refused again.
      if ((error.reason === "too_large" || error.reason === "too_costly") && outcome.ok) {
        outcome = refusal(item.call, error.message);
        continue;
      }
      if (!isTemporary(error) || item.stopping) throw error;
      await item.pause(backoffMs(tries, Math.random()));
      if (item.dropped) return "settled";
    }
  }
}

function inputOf(call: LeasedCall, result: CallResult): Submission {
  const { callId, runId, workspaceId, stepIndex, attempt } = call;
  const cause = { kind: "call", id: callId } as const;
  return {
    kind: "input",
    runId,
    workspaceId,
    input: { kind: "call_returned", cause, callId, call: call.kind, stepIndex, attempt, result },
  };
}

function refusal(call: LeasedCall, why: string): CallResult {
  return { ok: false, message: `${call.kind} was refused: ${why}` };
}
