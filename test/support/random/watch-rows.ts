/**
 * Rules of the rows and marks of a run: costs sum, what ended stays as it is and holds nothing, and whatever is open can
 * be moved by something, so that no run is stuck.
 */

import type { GraphStep } from "../../../src/engine/graph/graph.ts";
import { PLAN } from "../../../src/engine/values/child-run.ts";
import {
  EDGE_DEAD,
  EDGE_OPEN,
  EDGE_TAKEN,
  isFinalRun,
  isFinalStep,
  type StepRun,
  stateOfMark,
} from "../../../src/engine/values/run.ts";
import type { BareInput, EngineRun } from "../engine/engine-run.ts";
import { type Before, broken, type Seen } from "./watch.ts";

/** A cost counts only from what reported it, once an attempt. The run's cost is the sum of the steps' costs. */
export function watchCosts(at: EngineRun, seen: Seen, before: Before, input: BareInput): void {
  let sum = 0;
  for (const row of at.rows.values()) {
    sum += row.costUsd;
    const old = before.rows.get(row.index);
    const added = row.costUsd - (old?.costUsd ?? 0);
    if (Math.abs(added) > 1e-12) watchAdded(at, seen, input, row, old?.retryCount ?? 0, added);
  }
  if (Math.abs(sum - at.run.totalCostUsd) > 1e-9) {
    broken(`the run's total is ${at.run.totalCostUsd}, its steps' sum ${sum}`);
  }
}

function watchAdded(
  at: EngineRun,
  seen: Seen,
  input: BareInput,
  row: StepRun,
  retries: number,
  added: number,
): void {
  const { index } = row;
  const isOf = (costUsd: number) => Math.abs(costUsd - added) < 1e-9;
  const attempt = `${index}/${retries}`;
  if (input.kind === "owner_reported" && input.stepIndex === index && isOf(input.report.costUsd)) {
    if (seen.reported.has(attempt)) broken(`the cost of attempt ${attempt} counts twice`);
    seen.reported.add(attempt);
    return;
  }
  if (input.kind === "step_reported" && isOf(input.report.costUsd)) {
    if (at.index(input.report.stepId) === index) return;
  }
  if (input.kind === "child_ended" && input.report.stepIndex === index) {
    if (added < input.report.costUsd + 1e-9) return;
  }
  const usage = input.kind === "call_returned" && input.stepIndex === index && input.result.ok;
  if (usage && input.result.ok && input.result.value.kind === "query_usage") {
    if (Math.abs(input.result.value.costUsd - row.costUsd) < 1e-9) return;
  }
  broken(`${input.kind} added ${added} USD to step ${index}`);
}

/** What ended stays as it is, and holds neither timer nor wait; a compensation may be retried. */
export function watchRows(at: EngineRun, before: Before, input: BareInput): void {
  for (const row of at.rows.values()) {
    const old = before.rows.get(row.index);
    if (row === old) continue;
    if (row.state !== stateOfMark(at.run.stepMarks[row.index] ?? 0)) {
      broken(`the row of step ${row.index} is ${row.state}, its mark is not`);
    }
    if (isFinalStep(row.state)) watchEnded(row);
    if (old === undefined || !isFinalStep(old.state) || !isFinalStep(row.state)) continue;
    const isCompensation = at.graph.steps[row.index]?.isCompensation === true;
    if (isCompensation && old.state === "FAILED" && input.kind === "compensate_requested") continue;
    // While the run is compensated, the cost of its child runs is the step's, in whichever order their reports come.
    const isUndoing = input.kind === "child_ended" && before.state === "COMPENSATING";
    const isSame =
      old.output === row.output &&
      (old.costUsd === row.costUsd || isUndoing) &&
      old.retryCount === row.retryCount &&
      old.completedAtMs === row.completedAtMs;
    if (!isSame) broken(`step ${row.index} was ${old.state} and changed`);
  }
  if (!isFinalRun(at.run.state)) return;
  if (at.run.unsettled.length > 0) broken("a run that ended has steps that are not settled");
  if (at.run.completedAtMs === undefined) broken("a run that ended does not say when");
  for (const step of at.graph.steps) watchOver(at, step);
}

function watchEnded({ index, timeoutAtMs, wakeAtMs, waitKey, detail, completedAtMs }: StepRun) {
  const { wait, retrying, held, pendingEnd } = detail;
  const holds = [timeoutAtMs, wakeAtMs, waitKey, wait, retrying, held, pendingEnd];
  if (holds.some((each) => each !== undefined)) broken(`step ${index} ended and holds something`);
  if (completedAtMs === undefined) broken(`step ${index} ended and does not say when`);
}

function watchOver(at: EngineRun, { index, isCompensation }: GraphStep): void {
  const state = stateOfMark(at.run.stepMarks[index] ?? 0);
  if (isFinalStep(state) || (isCompensation && state === "PENDING")) return;
  broken(`the run is ${at.run.state} and step ${index} is ${state}`);
}

/** A step began because its edges allow it, was skipped because none does, and can be moved while it is open. */
export function watchShape(at: EngineRun): void {
  const { run, graph } = at;
  for (const step of graph.steps) if (!step.isCompensation) watchEdges(at, step);
  if (isFinalRun(run.state)) return;
  const asked = new Set<string>();
  let open = watchUndoing(at);
  for (const { call, stepIndex, attempt } of at.openCalls.values()) {
    if (call.kind === "cancel_objective" || call.kind === "cancel_run") continue;
    // A child whose start is in flight is compensated once its id is known.
    if (call.kind === "start_run") open += 1;
    asked.add(`${stepIndex}/${attempt}`);
  }
  for (const row of at.rows.values()) {
    if (isFinalStep(row.state)) continue;
    open += 1;
    if (!canMove(at, row, asked))
      broken(`nothing can move step ${row.index}, which is ${row.state}`);
  }
  if (open === 0 && run.state !== "PAUSED" && run.state !== "PENDING") {
    broken(`the run is ${run.state} and nothing is open`);
  }
}

/** How many children are being compensated: of a step at most as many as may run side by side. */
function watchUndoing({ graph, children }: EngineRun): number {
  const compensating = children.filter(({ state }) => state === "undoing");
  for (const { index, children: settings } of graph.steps) {
    const many = compensating.filter(({ step }) => step === index).length;
    if (many > (settings?.maxParallel ?? 1))
      broken(`step ${index} compensates ${many} children at once`);
  }
  return compensating.length;
}

function watchEdges(at: EngineRun, { index, incoming, parallel }: GraphStep): void {
  const { run, graph } = at;
  const state = stateOfMark(run.stepMarks[index] ?? 0);
  const marks = incoming.map((edge) => run.edgeMarks[edge]);
  if (state === "SKIPPED" && !marks.every((mark) => mark === EDGE_DEAD)) {
    broken(`step ${index} is SKIPPED and not all its edges are dead`);
  }
  if (at.rows.has(index) && incoming.length > 0) {
    if (marks.includes(EDGE_OPEN) || !marks.includes(EDGE_TAKEN)) {
      broken(`step ${index} began before its edges allowed it`);
    }
  }
  if (state !== "PENDING" || run.state === "PENDING") return;
  const waits = incoming.some((edge) => {
    const from = graph.edges[edge]?.from ?? -1;
    const isOpen = run.edgeMarks[edge] === EDGE_OPEN;
    const ended = isFinalStep(stateOfMark(run.stepMarks[from] ?? 0));
    return isOpen && (!ended || run.unsettled.includes(from));
  });
  if (!waits) broken(`step ${index} is PENDING for ever${parallel < 0 ? "" : ", as a child"}`);
}

/** Whether a call, a timer or another service holds an open step. */
function canMove(at: EngineRun, row: StepRun, asked: ReadonlySet<string>): boolean {
  if (row.timeoutAtMs !== undefined || row.wakeAtMs !== undefined) return true;
  if (row.detail.retrying) return false;
  if (row.detail.held !== undefined) return row.state === "WAITING" && row.waitKey === undefined;
  if (asked.has(`${row.index}/${row.retryCount + 1}`)) return true;
  if (row.detail.pendingEnd !== undefined) return false;
  const step = at.graph.steps[row.index];
  switch (step?.type) {
    case "AGENT_ACTION":
      return row.objectiveId !== "" || row.delegationId !== "" || hasChildRun(at, row);
    case "APPROVAL_GATE":
      return row.approvalRequestId !== "";
    case "GOVERNANCE_CHECK":
      return row.approvalRequestId !== "" || row.governanceDecision === "UNSPECIFIED";
    case "WAIT_FOR_EVENT":
      return row.waitKey !== undefined;
    case "HUMAN_TASK":
      return true;
    case "PARALLEL":
      return hasOpenChild(at, step);
    case "NOTIFICATION":
    case "BRANCH":
    case undefined:
      return false;
  }
}

/** A child that is open, or one that the resume starts. */
function hasChildRun({ run, children }: EngineRun, { index, retryCount }: StepRun): boolean {
  return children.some(
    ({ step, attempt, child, state }) =>
      step === index &&
      attempt === retryCount + 1 &&
      (state === "open" || (state === "new" && child !== PLAN && run.state === "PAUSED")),
  );
}

function hasOpenChild(at: EngineRun, step: GraphStep): boolean {
  return step.outgoing.some((edge) => {
    const child = at.graph.edges[edge]?.to ?? -1;
    const isTaken = at.run.edgeMarks[edge] === EDGE_TAKEN;
    const ended = isFinalStep(stateOfMark(at.run.stepMarks[child] ?? 0));
    return isTaken && (!ended || at.run.unsettled.includes(child));
  });
}
