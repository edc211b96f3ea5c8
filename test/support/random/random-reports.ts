/** What owners, approvers, governance, the bus and people say of the open steps of a run in memory. */

import { isOpenTicket } from "../../../src/engine/steps/approvals/tickets.ts";
import type { ChildReport, ChildRun } from "../../../src/engine/values/child-run.ts";
import type { OwnerReport, StepOrder, StepReport } from "../../../src/engine/values/input.ts";
import { isFinalStep, type StepRun } from "../../../src/engine/values/run.ts";
import { stepReport } from "../builders/step-reports.ts";
import type { BareInput, EngineRun } from "../engine/engine-run.ts";
import type { RandomNumbers } from "./random-numbers.ts";

const OWNER_TROUBLES = ["FAILED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELLED", "BLOCKED"];
const OWNER_GOOD = ["COMPLETED", "COMPLETED", "COMPLETED", "RUNNING", "AWAITING_APPROVAL"];
const GOVERNANCE = ["ALLOW", "DENY", "REQUIRE_APPROVAL"];
const ORDERS = ["retry", "retry", "skip", "complete", "fail"] as const;
const STATES = ["RUNNING", "WAITING", "COMPLETED", "COMPLETED", "FAILED"] as const;

/** Rows of steps that have not ended. */
export function openRows(at: EngineRun): StepRun[] {
  return [...at.rows.values()].filter(({ state }) => !isFinalStep(state));
}

/** What the owner of the step reports, or what a person does to it. */
export function reportOn(
  random: RandomNumbers,
  at: EngineRun,
  row: StepRun,
  isTrouble: boolean,
): BareInput {
  const stepIndex = row.index;
  if (row.detail.held !== undefined && random.chance(60)) return anyOrder(random, at, stepIndex);
  if (row.waitKey !== undefined) return arrived(stepIndex, `e${random.below(20)}`, random.below(2));
  const requestId = random.pick(openRequests(row));
  if (requestId !== undefined) {
    const decision = isTrouble ? random.pick(["DENIED", "EXPIRED", "ESCALATED"]) : "APPROVED";
    const digest = random.pick(["", "", "another", row.detail.digest ?? ""]) ?? "";
    return decided(stepIndex, requestId, decision ?? "DENIED", digest);
  }
  if (row.objectiveId !== "" || row.delegationId !== "") {
    return ownerReport(random, row, isTrouble);
  }
  if (at.graph.steps[stepIndex]?.type === "GOVERNANCE_CHECK") {
    return governed(at, stepIndex, (isTrouble ? random.pick(GOVERNANCE) : "ALLOW") ?? "DENY");
  }
  return byHand(random, at, stepIndex);
}

/** A report with which the step ends well; undefined when a call or a timer is to do that. */
export function goodReportOn(at: EngineRun, row: StepRun): BareInput | undefined {
  const stepIndex = row.index;
  const { type } = at.graph.steps[stepIndex] ?? {};
  if (row.detail.retrying) return undefined;
  if (row.detail.held !== undefined) return order(at, stepIndex, "skip", {});
  if (row.waitKey !== undefined) return arrived(stepIndex, `last-${stepIndex}`, 1);
  const [requestId] = openRequests(row);
  if (requestId !== undefined) return decided(stepIndex, requestId, "APPROVED", "");
  if (type === "AGENT_ACTION" && row.objectiveId !== "") {
    return reported(stepIndex, "objective", row.objectiveId, "COMPLETED", { o: 1 }, 0.1);
  }
  if (type === "HUMAN_TASK") return reportByHand(at, stepIndex, "COMPLETED", {});
  if (type === "GOVERNANCE_CHECK" && row.governanceDecision === "UNSPECIFIED") {
    return governed(at, stepIndex, "ALLOW");
  }
  return undefined;
}

/** A child run that was started ends, or its compensation does; undefined when there is none. */
export function childReport(
  random: RandomNumbers,
  { children }: EngineRun,
  isTrouble: boolean,
): BareInput | undefined {
  const row = random.pick(children.filter(isUnderWay));
  return row && toldOf(row, isTrouble, random.below(3) / 10);
}

/** Every child goes well. */
export function goodChildReport({ children }: EngineRun): BareInput | undefined {
  const row = children.find(isUnderWay);
  return row && toldOf(row, false, 0);
}

function isUnderWay({ state }: ChildRun): boolean {
  return state === "open" || state === "undoing";
}

function toldOf(row: ChildRun, isTrouble: boolean, costUsd: number): BareInput {
  const { step: stepIndex, attempt, child, runId } = row;
  const isCompensated = row.state === "undoing";
  const isGood = !isTrouble && !isCompensated;
  const report: ChildReport = {
    ...{ stepIndex, attempt, child, runId, seq: row.seq + 1, errorMessage: "" },
    state: isGood ? "COMPLETED" : "FAILED",
    ...(isGood ? { output: { o: child } } : {}),
    costUsd: row.costUsd + costUsd,
    undoing: isCompensated ? (isTrouble ? "failed" : "done") : "no",
  };
  return { kind: "child_ended", report };
}

/** An order of a person for any step. */
export function anyOrder(random: RandomNumbers, at: EngineRun, stepIndex: number): BareInput {
  const output = random.chance(50) ? { output: { o: random.below(4) } } : {};
  return order(at, stepIndex, random.pick(ORDERS) ?? "retry", output);
}

function order(
  at: EngineRun,
  stepIndex: number,
  act: StepOrder["act"],
  output: Pick<StepOrder, "output">,
): BareInput {
  const stepId = idOf(at, stepIndex);
  return { kind: "step_ordered", order: { act, stepId, reason: "ordered", ...output } };
}

/** TransitionStep to any state, by a caller that names the step's objective, another one or none. */
export function byHand(random: RandomNumbers, at: EngineRun, stepIndex: number): BareInput {
  const row = at.rows.get(stepIndex);
  const objectiveId = random.pick(["", "", "", row?.objectiveId ?? "", "another"]) ?? "";
  const costUsd = random.chance(30) ? 0.25 : 0;
  const more = { objectiveId, costUsd, output: { o: random.below(4) } };
  return reportByHand(at, stepIndex, random.pick(STATES) ?? "COMPLETED", more);
}

/** Ids of the approval requests whose decision still counts. */
function openRequests({ detail: { approvals = [] } }: StepRun): string[] {
  return approvals.flatMap((ticket) =>
    ticket.requestId !== "" && isOpenTicket(ticket) ? [ticket.requestId] : [],
  );
}

function ownerReport(random: RandomNumbers, row: StepRun, isTrouble: boolean): BareInput {
  const byDelegation = row.delegationId !== "" && (row.objectiveId === "" || random.chance(50));
  const owner = byDelegation ? "delegation" : "objective";
  const id = byDelegation ? row.delegationId : row.objectiveId;
  const state = random.pick(isTrouble ? OWNER_TROUBLES : OWNER_GOOD) ?? "COMPLETED";
  const output = random.chance(60) ? { o: random.below(4) } : undefined;
  return reported(row.index, owner, id, state, output, random.below(3) / 10);
}

function reported(
  stepIndex: number,
  owner: OwnerReport["owner"],
  id: string,
  state: string,
  output: { o: number } | undefined,
  costUsd: number,
): BareInput {
  const facts = { owner, id, state, errorMessage: "", costUsd, agentId: "" };
  const report: OwnerReport = output === undefined ? facts : { ...facts, output };
  return { kind: "owner_reported", stepIndex, report };
}

function decided(
  stepIndex: number,
  requestId: string,
  decision: string,
  digest: string,
): BareInput {
  const report = { requestId, decision, decidedBy: "person", reason: "", digest };
  return { kind: "approval_decided", stepIndex, report };
}

function governed(at: EngineRun, stepIndex: number, decision: string): BareInput {
  const report = { stepId: idOf(at, stepIndex), decision, riskLevel: "", reasons: ["so"] };
  return { kind: "governance_decided", report };
}

function arrived(stepIndex: number, id: string, k: number): BareInput {
  const event = { id, source: "s", type: "came.in", subject: "", time: "", data: { k, o: k } };
  return { kind: "event_arrived", stepIndex, event };
}

function reportByHand(
  at: EngineRun,
  stepIndex: number,
  state: StepReport["state"],
  more: Partial<StepReport>,
): BareInput {
  return { kind: "step_reported", report: stepReport(idOf(at, stepIndex), state, more) };
}

function idOf(at: EngineRun, stepIndex: number): string {
  return at.graph.steps[stepIndex]?.def.id ?? "";
}
