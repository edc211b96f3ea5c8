/** Rules of a run's calls: each is issued once; after the end only those that stop open work; none begins while paused. */
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

/** Calls that cancel what an earlier call made. */
const STOPPING: ReadonlySet<CallKind> = new Set(["cancel_objective", "cancel_run"]);

/** Checks the calls that an input issued. */
export function watchCalls(at: EngineRun, seen: Seen, before: Before, input: BareInput): void {
  for (const issued of at.wanted.slice(before.wanted)) {
    if (seen.callIds.has(issued.id)) broken(`${issued.id} is issued twice`);
    seen.callIds.add(issued.id);
    if (MAKING.has(issued.call.kind)) seen.touched.add(issued.stepIndex);
    if (!STOPPING.has(issued.call.kind)) watchTime(at, before, input, issued);
  }
  for (const [index, mark] of at.run.stepMarks.entries()) {
    const mayHave = (mark & MAY_HAVE_ACTED) !== 0;
    if (mayHave !== seen.touched.has(index))
      broken(`the mark of step ${index} does not match its calls`);
  }
  watchStops(at, before);
  watchLate(at, before, input);
}

/** An objective made for an attempt that is over is cancelled. */
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

/** A child run started for an attempt that is over is cancelled. */
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

function watchTime(at: EngineRun, before: Before, input: BareInput, issued: IssuedCall): void {
  const { state } = at.run;
  const reopened = input.kind === "compensate_requested";
  if (state === "CANCELLED" || (isFinalRun(before.state) && !reopened)) {
    broken(`${issued.id} is issued by a run that is ${state}`);
  }
  const row = at.rows.get(issued.stepIndex);
  if (row !== undefined && issued.attempt > row.retryCount + 1) broken(`${issued.id} is too early`);
  if (before.state !== "PAUSED" || state !== "PAUSED") return;
  if (issued.call.kind === "start_run") broken(`${issued.id} begins in a paused run`);
  const old = before.rows.get(issued.stepIndex);
  if (old === undefined || old.retryCount + 1 !== issued.attempt || old.detail.retrying) {
    broken(`${issued.id} begins in a paused run`);
  }
}

/** The objective of a cancelled step is cancelled; a cancelled run sends no notification. */
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
  for (const { id, call } of at.openCalls.values()) {
    if (call.kind === "send_notification") broken(`${id} is still sent`);
  }
}
