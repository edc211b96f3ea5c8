/**
 * How an agent's attempt ends: by the first final report, once its output and its cost are known.
 * Boundary: see contract.ts. The output of a delegated attempt may be asked from the delegation, the cost from the meter.
 * Invariants:
 * 1. The first final report decides; a later one may only bring the output or the cost that is still asked for.
 * 2. What reports tell of an attempt's cost is counted once; the meter adds what exceeds the step's cost so far, for it
 *    knows the step and not the attempt.
 * 3. An attempt whose end is decided times out no more.
 */
import type { Draft } from "../../draft/draft.ts";
import { addCost, failure, goBadly, succeed } from "../../flow/ending.ts";
import { releaseAttempt } from "../../flow/release.ts";
import type { OwnerReport } from "../../values/input.ts";
import type { JsonObject } from "../../values/json.ts";
import { payloadProblem } from "../../values/limits.ts";
import type { AttemptEnd, PendingEnd } from "../../values/run.ts";
import type { StepTask } from "../contract.ts";

const HEALED = "healed: no event told the end, and no owner knows the output";

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
    // The objective of a delegation that came to nothing is nobody's any more.
    releaseAttempt(draft, index, "the delegation failed");
  }
  const pending = { costUsd: report.costUsd, ...healing(report) };
  if (end !== undefined) {
    conclude(task, end, report.costUsd);
  } else if (report.owner === "delegation" || !isDelegated(draft, index)) {
    // Only a delegation's record holds a result: there is nobody else to ask.
    conclude(task, withoutOutput(pending), report.costUsd);
  } else {
    const row = draft.rows.row(index);
    row.detail = { ...row.detail, pendingEnd: pending };
    if (row.delegationId !== "") askForOutput(task);
  }
}

/** The delegation is known now: an objective that ended before lets its output be asked for. */
export function delegationKnown(task: StepTask): void {
  const { pendingEnd } = task.draft.rows.peek(task.index).detail;
  if (pendingEnd !== undefined && pendingEnd.end === undefined) askForOutput(task);
}

/** The delegation's owner told the output; undefined: it knows none. */
export function outputRead(task: StepTask, output: JsonObject | undefined): void {
  const pendingEnd: PendingEnd = task.draft.rows.peek(task.index).detail.pendingEnd ?? {
    costUsd: 0,
  };
  if (pendingEnd.end !== undefined) return;
  const end: AttemptEnd =
    output === undefined ? withoutOutput(pendingEnd) : { state: "COMPLETED", output };
  conclude(task, end, pendingEnd.costUsd);
}

/** The meter told what all attempts of the step cost, 0 when it could not. */
export function usageRead(task: StepTask, costUsd: number): void {
  const { draft, index } = task;
  const { detail, costUsd: countedUsd } = draft.rows.peek(index);
  if (detail.pendingEnd?.end === undefined) return;
  addCost(draft, index, costUsd - countedUsd);
  endAttempt(task, detail.pendingEnd.end);
}

/** Whether the step's work is handed over by a delegation. */
export function isDelegated(draft: Draft, index: number): boolean {
  const { def } = draft.step(index);
  return (def.agentId === "" && def.requiredCapability !== "") || def.config.delegate === true;
}

function endedAgain(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
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

/** The end that a report tells; undefined when it is a success without an output. */
function endOf(report: OwnerReport): AttemptEnd | undefined {
  if (report.state !== "COMPLETED") {
    const told = report.errorMessage;
    const message = told === "" ? `${report.owner} ${report.id} ended ${report.state}` : told;
    return { state: "FAILED", message, retryable: report.state !== "CANCELLED" };
  }
  return report.output === undefined ? undefined : { state: "COMPLETED", output: report.output };
}

/** A success whose output nobody knows; one that no event told says so. */
function withoutOutput({ healed }: PendingEnd): AttemptEnd {
  return { state: "COMPLETED", output: {}, ...(healed === true ? { note: HEALED } : {}) };
}

function healing({ healed }: OwnerReport): Pick<PendingEnd, "healed"> {
  return healed === true ? { healed } : {};
}

function askForOutput({ draft, index }: StepTask): void {
  const { delegationId, objectiveId } = draft.rows.peek(index);
  draft.call(index, { kind: "read_output", delegationId, objectiveId });
}

/** Ends the attempt, unless nobody told what it cost and the meter can be asked first. */
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

/** An output over the limits must not be stored while it waits: it fails the step either way. */
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
