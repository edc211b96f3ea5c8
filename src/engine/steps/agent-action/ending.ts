/**
 * How an agent's attempt ends: by the first final report, once its output and its cost are known.
 * Boundary: see contract.ts. Queries the delegation's owner for the output and the meter for the cost, if needed.
 * Invariants:
 * 1. The first final report decides. A later one can only add an output or a cost that is still missing.
 * 2. The cost in reports counts once. The meter adds what exceeds the step's cost so far, because it
 * knows the step and not the attempt.
 * 3. An attempt whose end is decided no longer times out.
 */
import type { Draft } from "../../draft/draft.ts";
import { addCost, failure, goBadly, succeed } from "../../flow/ending.ts";
import { noteEnded } from "../../flow/late.ts";
import { releaseAttempt } from "../../flow/release.ts";
import type { OwnerReport } from "../../values/input.ts";
import type { JsonObject } from "../../values/json.ts";
import { payloadProblem } from "../../values/limits.ts";
import type { AttemptEnd, PendingEnd } from "../../values/step-detail.ts";
import type { StepTask } from "../contract.ts";

const RECONCILED = "healed: no event reported the end, and no owner has the output";

/** The objective or the delegation ended. */
export function ownerEnded(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
  if (draft.rows.peek(index).detail.pendingEnd !== undefined) {
    endedAgain(task, report);
    return;
  }
  addCost(draft, index, report.costUsd);
  const end = endOf(report);
  if (end?.state === "FAILED" && report.owner === "delegation") {
    // The failed delegation leaves its objective without an agent.
    releaseAttempt(draft, index, "the delegation failed", report.id);
  }
  const pending = { costUsd: report.costUsd, ...ofPoll(report) };
  if (end !== undefined) {
    conclude(task, end, report.costUsd);
  } else if (report.owner === "delegation" || !isDelegated(draft, index)) {
    // Only a delegation's record holds a result: no other owner can be queried.
    conclude(task, withoutOutput(pending), report.costUsd);
  } else {
    const row = draft.rows.row(index);
    row.detail = { ...row.detail, pendingEnd: pending };
    if (row.delegationId !== "") askForOutput(task);
  }
}

/** The delegation's id is known now: an objective that ended before can now query its output. */
export function delegationKnown(task: StepTask): void {
  const { pendingEnd } = task.draft.rows.peek(task.index).detail;
  if (pendingEnd !== undefined && pendingEnd.end === undefined) askForOutput(task);
}

/** The delegation's owner replied with the output; undefined: it has none. */
export function outputRead(task: StepTask, output: JsonObject | undefined): void {
  const pendingEnd: PendingEnd = task.draft.rows.peek(task.index).detail.pendingEnd ?? {
    costUsd: 0,
  };
  if (pendingEnd.end !== undefined) return;
  const end: AttemptEnd =
    output === undefined ? withoutOutput(pendingEnd) : { state: "COMPLETED", output };
  conclude(task, end, pendingEnd.costUsd);
}

/** The meter replied with the cost of all attempts of the step; 0 when it could not. */
export function usageRead(task: StepTask, costUsd: number): void {
  const { draft, index } = task;
  const { detail, costUsd: countedUsd } = draft.rows.peek(index);
  if (detail.pendingEnd?.end === undefined) return;
  addCost(draft, index, costUsd - countedUsd);
  endAttempt(task, detail.pendingEnd.end);
}

/** Whether a delegation hands the step's work over. */
export function isDelegated(draft: Draft, index: number): boolean {
  const { def } = draft.step(index);
  return (def.agentId === "" && def.requiredCapability !== "") || def.config.delegate === true;
}

function endedAgain(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
  noteEnded(draft, index, report.id);
  const row = draft.rows.row(index);
  const { pendingEnd } = row.detail;
  if (pendingEnd === undefined) return;
  const news = pendingEnd.costUsd > 0 ? 0 : report.costUsd;
  addCost(draft, index, news);
  const costUsd = pendingEnd.costUsd + news;
  if (pendingEnd.end !== undefined) {
    if (news > 0) endAttempt(task, pendingEnd.end);
    return;
  }
  const end = endOf(report);
  if (end?.state === "COMPLETED") conclude(task, end, costUsd);
  else row.detail = { ...row.detail, pendingEnd: { ...pendingEnd, costUsd } };
}

/** The end that a report gives; undefined for a success without an output. */
function endOf(report: OwnerReport): AttemptEnd | undefined {
  if (report.state !== "COMPLETED") {
    const reason = report.errorMessage;
    const message = reason === "" ? `${report.owner} ${report.id} ended ${report.state}` : reason;
    return { state: "FAILED", message, retryable: report.state !== "CANCELLED" };
  }
  return report.output === undefined ? undefined : { state: "COMPLETED", output: report.output };
}

/** A success without a known output; one that a poll found says so. */
function withoutOutput({ healed }: PendingEnd): AttemptEnd {
  return { state: "COMPLETED", output: {}, ...(healed === true ? { note: RECONCILED } : {}) };
}

function ofPoll({ reconciled }: OwnerReport): Pick<PendingEnd, "healed"> {
  return reconciled === true ? { healed: true } : {};
}

function askForOutput({ draft, index }: StepTask): void {
  const { delegationId, objectiveId } = draft.rows.peek(index);
  draft.call(index, { kind: "read_output", delegationId, objectiveId });
}

/** Ends the attempt, but first queries the meter if no report carried a cost. */
function conclude(task: StepTask, end: AttemptEnd, costUsd: number): void {
  const { draft, index, lookups } = task;
  if (costUsd > 0 || lookups.costsFromMeter !== true) {
    endAttempt(task, end);
    return;
  }
  const row = draft.rows.row(index);
  row.detail = { ...row.detail, pendingEnd: { costUsd, end: storable(end) } };
  delete row.timeoutAtMs;
  const stepId = draft.step(index).def.id;
  draft.call(index, { kind: "query_usage", runId: draft.run.id, stepId });
}

/** An output over the limits must not be stored with a pending end: it fails the step in any case. */
function storable(end: AttemptEnd): AttemptEnd {
  if (end.state !== "COMPLETED") return end;
  const problem = payloadProblem("output", end.output);
  return problem === undefined ? end : { state: "FAILED", message: problem, retryable: false };
}

function endAttempt({ draft, index }: StepTask, end: AttemptEnd): void {
  if (end.state === "COMPLETED") {
    if (end.note !== undefined) draft.rows.row(index).errorMessage = end.note;
    succeed(draft, index, { output: end.output, extendsInput: false });
  } else {
    goBadly(draft, index, failure(end.message, end.retryable));
  }
}
