/**
 * PreviewCancel and PreviewCompensation: what CancelRun and CompensateRun would do to a run as it stands.
 * Boundary: reads; which steps are undone, and in which order, is the engine's (engine/flow/compensation-order.ts).
 */
import {
  KeptReason,
  type PreviewCancelRequest,
  PreviewCancelRequestSchema,
  type PreviewCompensationRequest,
  PreviewCompensationRequestSchema,
} from "../../../gen/workflows/ops/v1/previews_pb.ts";
import { planCompensation, type Undoing } from "../../engine/flow/compensation-order.ts";
import { isUndoneElsewhere } from "../../engine/flow/plan-rerun.ts";
import type { Graph, GraphStep } from "../../engine/graph/graph.ts";
import { refuseCancel } from "../../engine/inputs/cancel.ts";
import { refuseCompensation } from "../../engine/inputs/compensate.ts";
import type { Refused } from "../../engine/inputs/refused.ts";
import {
  isFinalStep,
  MAY_HAVE_ACTED,
  type Run,
  type StepRun,
  SUCCEEDED,
  stateOfMark,
} from "../../engine/values/run.ts";
import { Refusal } from "../../process/refusal.ts";
import { findRunOutline } from "../../store/reads/many-runs.ts";
import { findOpenChildren, type OpenChild } from "../../store/reads/run-waits.ts";
import { STEP_STATE_NUMBERS } from "../../wire/runs.ts";
import { unreadChildren } from "./explain/run-facts.ts";
import { checkFields, type Faults } from "./fields.ts";
import { graphOf, unknownRun } from "./run-answers.ts";
import type { ReadDeps } from "./service-deps.ts";

const ERROR_CHARS = 1_000;

interface Facts {
  readonly run: Run;
  readonly graph: Graph;
  readonly steps: ReadonlyMap<number, StepRun>;
  readonly children: readonly OpenChild[];
}

/** PreviewCancel. */
export async function answerPreviewCancel(deps: ReadDeps, request: PreviewCancelRequest) {
  const faults = checkFields(PreviewCancelRequestSchema, request);
  const facts = await readFacts(deps, faults, request.runId);
  const { run, graph } = facts;
  requireLegal(refuseCancel(run.state), run.id);
  const undone = new Set(planCompensation(graph, run).map(({ index }) => index));
  const notBegun = graph.steps.filter(
    ({ index, isCompensation }) => !isCompensation && stateAt(run, index) === "PENDING",
  );
  return {
    runId: run.id,
    seq: BigInt(run.seq),
    unchanged: run.state === "CANCELLED",
    inFlight: inFlight(facts),
    notBegunStepIds: notBegun.map(({ def }) => def.id),
    kept: kept(facts, undone, KeptReason.CANCEL_ALONE),
  };
}

/** PreviewCompensation. */
export async function answerPreviewCompensation(
  deps: ReadDeps,
  request: PreviewCompensationRequest,
) {
  const faults = checkFields(PreviewCompensationRequestSchema, request);
  const facts = await readFacts(deps, faults, request.runId);
  const { run, graph } = facts;
  requireLegal(refuseCompensation(run.state), run.id);
  const planned = planCompensation(graph, run);
  const undone = new Set(planned.map(({ index }) => index));
  const isOpen = run.state === "RUNNING" || run.state === "PAUSED";
  return {
    runId: run.id,
    seq: BigInt(run.seq),
    unchanged: run.state === "COMPENSATING" || (!isOpen && planned.length === 0),
    inFlight: isOpen ? inFlight(facts) : [],
    undone: planned.map((each) => toUndone(facts, each)),
    kept: kept(facts, undone, undefined),
  };
}

async function readFacts(deps: ReadDeps, faults: Faults, runId: string): Promise<Facts> {
  faults.require("run_id", runId);
  faults.refuseIfAny();
  const { database, visibility, graphs } = deps;
  const outline = await findRunOutline(database.callers, visibility, runId);
  if (outline === undefined) throw unknownRun(runId);
  const { run, steps } = outline;
  const hasChildren = [...steps.values()].some(({ detail }) => (detail.children?.open ?? 0) > 0);
  const [compiled, children] = await Promise.all([
    graphs.require([run.versionId]),
    hasChildren ? findOpenChildren(database.callers, visibility, runId) : [],
  ]);
  return { run, steps, children, graph: graphOf(compiled, run) };
}

/** Throws the refusal, if there is one. */
export function requireLegal(refusal: Refused | undefined, runId: string) {
  if (refusal === undefined) return;
  const { message, from, to } = refusal;
  const resource = { type: "run", name: runId };
  throw new Refusal("illegal_move", message, { from, to, resource });
}

function stateAt({ stepMarks }: Run, index: number) {
  return stateOfMark(stepMarks[index] ?? 0);
}

/** The open steps, and what is cancelled with each. */
function inFlight({ run, graph, steps, children }: Facts) {
  return graph.steps.flatMap(({ index, def, isCompensation }) => {
    const row = steps.get(index);
    if (isCompensation || row === undefined || isFinalStep(row.state)) return [];
    const { detail, approvalRequestId } = row;
    const ofStep = children.filter(({ stepIndex }) => stepIndex === index);
    const { approvals = [{ requestId: approvalRequestId, decision: "" }] } = detail;
    const requests = approvals.filter(
      ({ decision }) => decision === "" || decision === "escalated",
    );
    return {
      stepId: def.id,
      state: STEP_STATE_NUMBERS[row.state],
      objectiveId: detail.pendingEnd === undefined ? row.objectiveId : "",
      queue: detail.task === undefined ? "" : String(def.config.queue ?? ""),
      childRunIds: ofStep.filter(({ state }) => state !== "COMPENSATING").map(({ runId }) => runId),
      moreChildRuns: unreadChildren(children, row),
      openApprovalRequestIds: requests.map(({ requestId }) => requestId).filter((id) => id !== ""),
      mayHaveActed: ((run.stepMarks[index] ?? 0) & MAY_HAVE_ACTED) !== 0,
    };
  });
}

function toUndone({ run, graph, steps }: Facts, { index, stage, hasChildren }: Undoing) {
  const step = graph.steps[index];
  const compensation = step === undefined ? undefined : graph.steps[step.compensation];
  const state = stateAt(run, index);
  const row = compensation && steps.get(compensation.index);
  return {
    stepId: step?.def.id ?? "",
    stage,
    state: STEP_STATE_NUMBERS[state],
    compensationStepId: compensation?.def.id ?? "",
    hasChildren,
    isUncertain: state !== "COMPLETED",
    ...(row === undefined ? {} : { compensationState: STEP_STATE_NUMBERS[row.state] }),
    lastError: (row?.errorMessage ?? "").slice(0, ERROR_CHARS).toWellFormed(),
  };
}

/** Steps that have ended, may have had an effect, and are not undone; `planned`: why one that could be undone is not. */
function kept(
  { run, graph, steps }: Facts,
  undone: ReadonlySet<number>,
  planned: KeptReason | undefined,
) {
  return graph.steps.flatMap((step) => {
    const mark = run.stepMarks[step.index] ?? 0;
    const isUndone = undone.has(step.index);
    if (!mayHaveEffect(run, step) || (isUndone && planned === undefined)) return [];
    const why = whyNotUndone(run, step, steps.get(step.index));
    const reason = isUndone && planned !== undefined ? planned : why;
    return { stepId: step.def.id, state: STEP_STATE_NUMBERS[stateOfMark(mark)], reason };
  });
}

/** Whether the step has ended with an effect, or a possible one, that is not undone yet. */
function mayHaveEffect(run: Run, { index, isCompensation, compensation }: GraphStep): boolean {
  const mark = run.stepMarks[index] ?? 0;
  const state = stateOfMark(mark);
  const acted = (mark & MAY_HAVE_ACTED) !== 0;
  if (isCompensation || stateAt(run, compensation) === "COMPLETED") return false;
  if (state === "COMPLETED") return acted || compensation >= 0;
  return acted && (state === "FAILED" || state === "CANCELLED");
}

function whyNotUndone(run: Run, step: GraphStep, row: StepRun | undefined): KeptReason {
  const mark = run.stepMarks[step.index] ?? 0;
  const isPassed = run.rerun?.steps?.includes(step.index) === true;
  if (row?.detail.reused === true && !isPassed && isUndoneElsewhere(mark, row.detail)) {
    return KeptReason.LEFT_TO_OLDER_RUN;
  }
  if (step.compensation < 0) return KeptReason.NO_COMPENSATION;
  if (row?.detail.skipped === true) return KeptReason.SKIPPED_BY_ORDER;
  if (isPassed) return KeptReason.PASSED_TO_RERUN;
  if ((mark & SUCCEEDED) === 0) return KeptReason.NO_SUCCESS;
  return KeptReason.UNSPECIFIED;
}
