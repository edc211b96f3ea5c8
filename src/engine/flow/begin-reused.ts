/**
 * A rerun begins: reused steps are COMPLETED with the outputs that they had, and what follows them starts.
 * Boundary: applies a seed; flow/plan-rerun.ts decides what is in it. Pure.
 * Invariants:
 * 1. A reused step makes no call and costs nothing. It holds no id of an owner's object, so that no report reaches it.
 * 2. All reused steps are in the first transition of the run, whatever the budget: their rows exist nowhere else.
 */
import type { Draft } from "../draft/draft.ts";
import { payloadBytes, STEP_UNITS } from "../values/budget.ts";
import type { ReusedRows, ReusedStep } from "../values/rerun.ts";
import { EDGE_DEAD, EDGE_OPEN, EDGE_TAKEN, type StepRun } from "../values/run.ts";
import type { StepDetail } from "../values/step-detail.ts";
import { openEdgesOf, startStep } from "./decide-edge.ts";
import { skipStep } from "./ending.ts";

/** Adds what is reused and starts what can start. */
export function beginReused(draft: Draft, { seed, rows }: ReusedRows): void {
  for (const index of seed.taken) draft.marks.decideEdge(index, EDGE_TAKEN);
  for (const index of seed.dead) draft.marks.decideEdge(index, EDGE_DEAD);
  const places = new Map(seed.reused.map(({ from, to }) => [from, to]));
  for (const each of seed.reused) {
    const row = rows.get(each.from);
    if (row === undefined)
      throw new Error(`run ${draft.run.id}: reused step ${each.to} has no row`);
    reuse(draft, each, row, places);
  }
  for (const index of seed.skipped) draft.moveStep(index, "SKIPPED", { op: "skipped" });
  for (const index of draft.graph.order) {
    if (draft.marks.state(index) === "PENDING") startOrSkip(draft, index);
  }
}

function reuse(
  draft: Draft,
  { to, flags }: ReusedStep,
  { input, output, outputExtendsInput, agentId, governanceDecision, detail }: StepRun,
  places: ReadonlyMap<number, number>,
): void {
  const row = draft.insertRow(to);
  if (input !== undefined) row.input = input;
  if (output !== undefined) row.output = output;
  Object.assign(row, { outputExtendsInput, agentId, governanceDecision });
  row.detail = reusedDetail(detail, places);
  draft.budget.spend(STEP_UNITS + payloadBytes(input ?? {}) + payloadBytes(output ?? {}));
  draft.marks.addFlag(to, flags);
  draft.moveStep(to, "COMPLETED", { op: "completed", note: "reused" });
  if (openEdgesOf(draft, to).length === 0) return;
  const kind = detail.skipped === true ? "continued" : "success";
  draft.work.settle({ index: to, ending: { kind } });
}

/** What readers and expressions need of it; indexes are those of the new version. */
function reusedDetail(detail: StepDetail, places: ReadonlyMap<number, number>): StepDetail {
  const { digest, approvals, requiredApprovals, asked, riskLevel, joined, skipped } = detail;
  const children = joined?.flatMap((index) => places.get(index) ?? []);
  return {
    reused: true,
    ...(digest === undefined ? {} : { digest }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(requiredApprovals === undefined ? {} : { requiredApprovals }),
    ...(asked === undefined ? {} : { asked }),
    ...(riskLevel === undefined ? {} : { riskLevel }),
    ...(children === undefined ? {} : { joined: children }),
    ...(skipped === undefined ? {} : { skipped }),
  };
}

function startOrSkip(draft: Draft, index: number): void {
  const marks = draft.step(index).incoming.map((edge) => draft.run.edgeMarks[edge]);
  if (marks.includes(EDGE_OPEN)) return;
  if (marks.length === 0 || marks.includes(EDGE_TAKEN)) startStep(draft, index);
  else skipStep(draft, index);
}
