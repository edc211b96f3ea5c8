/**
 * Rerun, at the run that is rerun: the undo of what is reused passes to the new run, and a call starts that one.
 * Boundary: what is reused was planned by flow/plan-rerun.ts, of the run as it is now: the place in its history says so.
 * Invariants:
 * 1. A step is undone by one run: it leaves this one in the transition that wants the call, under the lock of the run's row.
 * 2. A run is rerun once. A rerun is rerun itself, so the undo is with the newest.
 * 3. A rerun that cannot be started gives back what passed to it.
 */
import type { Draft } from "../draft/draft.ts";
import type { ReturnedCall, StartRerun } from "../values/call.ts";
import type { Cause, RerunOrder } from "../values/input.ts";
import type { Reply } from "../values/reply.ts";
import { isFinalRun, type Run, SUCCEEDED } from "../values/run.ts";
import type { Refused } from "./refused.ts";

/** Hands over what the rerun reuses and wants the call that starts it. The run keeps its state. */
export function rerunRun(draft: Draft, order: RerunOrder, cause: Cause): Reply {
  const { run } = draft;
  const refusal = refuseRerun(run);
  if (refusal !== undefined) return refusal;
  if (run.seq !== order.seq) return refuse(run, "it has moved since the rerun was planned");
  const call = rerunCallOf(run, order, cause);
  const steps = call.seed.reused
    .filter(({ flags }) => (flags & SUCCEEDED) !== 0)
    .map(({ from }) => from);
  for (const index of steps) draft.marks.clearFlag(index, SUCCEEDED);
  run.rerun = { ...run.rerun, call: draft.callOfRun(call), steps };
  draft.noteRun(order.reason);
  return { kind: "applied" };
}

/** Why the run cannot be rerun; undefined where it can. */
export function refuseRerun(run: Run): Refused | undefined {
  if (!isFinalRun(run.state)) return refuse(run, `it is ${run.state}`);
  if (run.parentStep !== undefined) {
    return refuse(run, `a step of run ${run.parentRunId} started it: rerun that run`);
  }
  if (run.rerun?.call === undefined) return undefined;
  return refuse(run, "it was rerun already: rerun the newer run");
}

/** The call that starts the rerun. */
export function rerunCallOf(
  run: Run,
  { versionId, version, ...order }: RerunOrder,
  cause: Cause,
): StartRerun {
  const { definitionId, triggerType, initiatorAgentId, initiatorUserId } = run;
  const { parentRunId, entityId, entityType, hops, inputUnset, environment } = run;
  return {
    kind: "start_rerun",
    ...{ definitionId, versionId, version, triggerType, initiatorAgentId, initiatorUserId },
    ...{ parentRunId, entityId, entityType, hops, seed: order.seed, cause },
    ...(environment === undefined ? {} : { environment }),
    ...(order.input === undefined ? {} : { input: order.input }),
    ...(order.input === undefined && inputUnset === true ? { inputUnset } : {}),
  };
}

/** The call came back. One that started nothing gives the steps back. */
export function rerunReturned(draft: Draft, { result, callId }: ReturnedCall): Reply {
  const { rerun } = draft.run;
  if (result.ok || rerun?.call !== callId) return { kind: "unchanged" };
  for (const index of rerun.steps ?? []) draft.marks.addFlag(index, SUCCEEDED);
  draft.run.rerun = rerun.of === undefined ? {} : { of: rerun.of };
  draft.noteRun(`the rerun was not started: ${result.message}`);
  return { kind: "applied" };
}

function refuse({ id, state }: Run, why: string): Refused {
  const message = `cannot rerun run ${id}: ${why}`;
  return { kind: "refused", reason: "illegal_move", from: state, to: state, message };
}
