/** Rules of what a run asks of others: each call once, none after the end but to stop what is open, none of its own while paused. */
import type { CallKind, IssuedCall } from "../../../src/engine/values/call.ts";
import { isFinalRun, isFinalStep, MAY_HAVE_ACTED } from "../../../src/engine/values/run.ts";
import type { BareInput, EngineRun } from "../engine/engine-run.ts";
import { type Before, broken, type Seen } from "./watch.ts";

/** Calls that carry an idempotency key and make something. */
const MAKING: ReadonlySet<CallKind> = new Set([
  "create_objective",
  "delegate",
  "request_approval",
  "evaluate_action",
  "send_notification",
  "start_run",
]);

/** Calls that ask somebody to stop. */
const STOPPING: ReadonlySet<CallKind> = new Set(["cancel_objective", "cancel_run"]);

/** Looks at the calls that an input made wanted. */
export function watchEffects(at: EngineRun, seen: Seen, before: Before, input: BareInput): void {
  for (const effect of at.wanted.slice(before.wanted)) {
    if (seen.effectIds.has(effect.id)) broken(`${effect.id} is wanted twice`);
    seen.effectIds.add(effect.id);
    if (MAKING.has(effect.call.kind)) seen.touched.add(effect.stepIndex);
    if (!STOPPING.has(effect.call.kind)) watchTime(at, before, input, effect);
  }
  for (const [index, mark] of at.run.stepMarks.entries()) {
    const mayHave = (mark & MAY_HAVE_ACTED) !== 0;
    if (mayHave !== seen.touched.has(index))
      broken(`the mark of step ${index} is wrong of its calls`);
  }
  watchStops(at, before);
  watchLate(at, before, input);
}

/** An objective that was made for an attempt nobody waits for is asked to stop. */
function watchLate(at: EngineRun, before: Before, input: BareInput): void {
  if (input.kind !== "call_returned" || !input.result.ok) return;
  const { value } = input.result;
  if (value.kind === "start_run") watchLateChild(at, before, value.runId);
  if (value.kind !== "create_objective") return;
  const isKept = at.rows.get(input.stepIndex)?.objectiveId === value.objectiveId;
  const isStopped = at.wanted
    .slice(before.wanted)
    .some(({ call }) => call.kind === "cancel_objective" && call.objectiveId === value.objectiveId);
  if (!isKept && !isStopped) broken(`objective ${value.objectiveId} came too late and goes on`);
}

/** Nor does a child run go on whose attempt nobody waits for. */
function watchLateChild(at: EngineRun, before: Before, runId: string): void {
  const row = at.children.find((child) => child.runId === runId);
  const parent = row && at.rows.get(row.step);
  const isWanted =
    parent !== undefined && !isFinalStep(parent.state) && row?.attempt === parent.retryCount + 1;
  const isStopped = at.wanted
    .slice(before.wanted)
    .some(({ call }) => call.kind === "cancel_run" && call.runId === runId);
  if (!isWanted && !isStopped) broken(`child ${runId} came too late and goes on`);
}

function watchTime(at: EngineRun, before: Before, input: BareInput, effect: IssuedCall): void {
  const { state } = at.run;
  const reopened = input.kind === "compensate_requested";
  if (state === "CANCELLED" || (isFinalRun(before.state) && !reopened)) {
    broken(`${effect.id} is wanted by a run that is ${state}`);
  }
  const row = at.rows.get(effect.stepIndex);
  if (row !== undefined && effect.attempt > row.retryCount + 1) broken(`${effect.id} is too early`);
  if (before.state !== "PAUSED" || state !== "PAUSED") return;
  if (effect.call.kind === "start_run") broken(`${effect.id} begins in a paused run`);
  const old = before.rows.get(effect.stepIndex);
  if (old === undefined || old.retryCount + 1 !== effect.attempt || old.detail.retrying) {
    broken(`${effect.id} begins in a paused run`);
  }
}

/** The objective of a cancelled step is asked to stop; nobody is notified any more of a cancelled run. */
function watchStops(at: EngineRun, before: Before): void {
  for (const [index, row] of at.rows) {
    const old = before.rows.get(index);
    if (row.state !== "CANCELLED" || row.objectiveId === "" || old?.state === "CANCELLED") continue;
    // Only its cost was asked for: the attempt had ended.
    if (old?.detail.pendingEnd?.end !== undefined) continue;
    const isStopped = at.wanted.some(
      ({ call }) => call.kind === "cancel_objective" && call.objectiveId === row.objectiveId,
    );
    if (!isStopped) broken(`step ${index} is CANCELLED and objective ${row.objectiveId} goes on`);
  }
  if (at.run.state !== "CANCELLED" || before.state === "CANCELLED") return;
  for (const { id, call } of at.effects.values()) {
    if (call.kind === "send_notification") broken(`${id} is still sent`);
  }
}
