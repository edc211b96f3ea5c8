/**
 * PlanRerun: what Rerun would do to a run that has ended.
 * Boundary: reads. A plan is stored nowhere: its id is a digest of what it was made of, and of when it expires.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  PlanAct,
  PlanReason,
  type PlanRerunRequest,
  PlanRerunRequestSchema,
  type RerunRequest,
} from "../../../gen/workflows/ops/v1/reruns_pb.ts";
import {
  type PlannedStep,
  planRerun,
  type RerunPlan,
  type RerunReason,
} from "../../engine/flow/plan-rerun.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import { refuseRerun } from "../../engine/inputs/rerun.ts";
import { canonicalJson, type JsonObject } from "../../engine/values/json.ts";
import type { Run } from "../../engine/values/run.ts";
import { Refusal } from "../../process/refusal.ts";
import { closedRefusal } from "../../runtime/closed-refusals.ts";
import { findDefinitionHead } from "../../store/reads/definition-heads.ts";
import { findVersion } from "../../store/reads/definitions.ts";
import { findRunOutline } from "../../store/reads/many-runs.ts";
import { findRerunId } from "../../store/reads/reruns.ts";
import { findCallsOfRun } from "../../store/reads/run-waits.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import { findInputFaults } from "./input-schema.ts";
import { requireLegal } from "./previews.ts";
import { graphOf, unknownRun } from "./run-answers.ts";
import type { ReadDeps } from "./service-deps.ts";

type Wish = Pick<PlanRerunRequest | RerunRequest, "runId" | "fromStepId" | "input" | "version">;

/** A plan with what it was made of. */
export interface MadePlan {
  readonly run: Run;
  readonly graph: Graph;
  readonly versionId: string;
  readonly version: number;
  readonly plan: RerunPlan;
  /** The input of the new run, where it is another one. */
  readonly input?: JsonObject;
  /** The database's clock. */
  readonly nowMs: number;
}

const LIFE_MS = 15 * 60_000;
const ACTS = {
  reuse: PlanAct.REUSE,
  run: PlanAct.RUN,
  later: PlanAct.LATER,
  skip: PlanAct.SKIP,
} as const;
const REASONS: Readonly<Record<RerunReason, PlanReason>> = {
  asked: PlanReason.ASKED,
  input: PlanReason.INPUT,
  changed: PlanReason.CHANGED,
  undone: PlanReason.UNDONE,
  not_completed: PlanReason.NOT_COMPLETED,
  no_success: PlanReason.NO_SUCCESS,
  downstream: PlanReason.DOWNSTREAM,
  parallel: PlanReason.WHOLE,
};

/** PlanRerun. */
export async function answerPlanRerun(deps: ReadDeps, request: PlanRerunRequest) {
  const faults = checkFields(PlanRerunRequestSchema, request);
  const made = await makePlan(deps, request, faults);
  const expiresAtMs = made.nowMs + LIFE_MS;
  const plan = {
    id: planId(made, request, expiresAtMs),
    runId: made.run.id,
    version: made.version,
    steps: made.plan.steps.map((step) => toPlanStep(made.graph, step)),
    expiresAt: timestampFromMs(expiresAtMs),
  };
  return { plan };
}

/** Makes the plan of the run as it stands now; `faults` has those of the request. */
export async function makePlan(deps: ReadDeps, wish: Wish, faults: Faults): Promise<MadePlan> {
  const { runId, fromStepId, input: sent, version } = wish;
  faults.require("run_id", runId);
  if (version < 0) faults.add("version", `is ${version}; 0 takes the version of the run`);
  faults.refuseIfAny();
  const { database, visibility, graphs } = deps;
  const outline = await findRunOutline(database.callers, visibility, runId);
  if (outline === undefined) throw unknownRun(runId);
  const { run, steps } = outline;
  requireLegal(await refusalOf(deps, run), runId);
  // Once it is planned, the rerun begins, whatever happens to the workflow.
  const head = await findDefinitionHead(database.callers, visibility, run.definitionId);
  if (head?.isArchived) throw closedRefusal(run.definitionId, "archived");
  const [target, { now }] = await Promise.all([
    versionOf(deps, run, version),
    findCallsOfRun(database.callers, visibility, runId),
  ]);
  const compiled = await graphs.require([run.versionId, target.versionId]);
  const graph = compiled.get(target.versionId);
  if (graph === undefined) throw new Error(`version ${target.versionId} is not stored`);
  requireStep(graph, fromStepId);
  if (sent !== undefined) {
    const { workspaceId } = run;
    await requireInput(deps, { workspaceId, versionId: target.versionId }, sent);
  }
  const detailOf = (index: number) => steps.get(index)?.detail ?? {};
  const plan = planRerun({ graph: graphOf(compiled, run), run, detailOf }, graph, {
    hasNewInput: sent !== undefined,
    ...(fromStepId === "" ? {} : { fromStepId }),
  });
  const input = sent === undefined ? {} : { input: sent };
  return { run, graph, plan, ...target, ...input, nowMs: now.getTime() };
}

/** Why the run cannot be rerun; of one that was rerun it names the newer run, once that has begun. */
async function refusalOf({ database, visibility }: ReadDeps, run: Run) {
  const refusal = refuseRerun(run);
  if (refusal === undefined || run.rerun?.call === undefined) return refusal;
  const newer = await findRerunId(database.callers, visibility, run.id);
  return newer === undefined ? refusal : { ...refusal, message: `${refusal.message} ${newer}` };
}

/** Refuses a plan that has expired, or was made of something else. */
export function requirePlan(made: MadePlan, wish: Wish, given: string): void {
  const [, digits = ""] = given.split(".");
  const expiresAtMs = Number.parseInt(digits, 36);
  const known = Buffer.from(planId(made, wish, expiresAtMs));
  const named = Buffer.from(given);
  const { id, state } = made.run;
  const facts = { from: state, to: state, resource: { type: "run", name: id } };
  if (known.length !== named.length || !timingSafeEqual(known, named)) {
    const message = `the plan is not one of run ${id} as it stands now: plan again`;
    throw new Refusal("illegal_move", message, facts);
  }
  if (expiresAtMs > made.nowMs) return;
  throw new Refusal("illegal_move", `the plan of run ${id} has expired: plan again`, facts);
}

function planId(made: MadePlan, { fromStepId, input }: Wish, expiresAtMs: number): string {
  const { run, versionId } = made;
  const of = [run.id, run.seq, versionId, fromStepId, input ?? null, expiresAtMs];
  const digest = createHash("sha256").update(canonicalJson(of)).digest("hex");
  return `${digest.slice(0, 32)}.${expiresAtMs.toString(36)}`;
}

async function versionOf(
  { database, visibility }: ReadDeps,
  { definitionId, versionId, definitionVersion }: Run,
  wanted: number,
): Promise<Pick<MadePlan, "versionId" | "version">> {
  if (wanted === 0 || wanted === definitionVersion)
    return { versionId, version: definitionVersion };
  const found = await findVersion(database.callers, visibility, definitionId, wanted);
  if (found !== undefined) return { versionId: found.id, version: found.version };
  const resource = { type: "version", name: `${definitionId}@${wanted}` };
  throw new Refusal("not_found", `definition ${definitionId} has no version ${wanted}`, {
    resource,
  });
}

async function requireInput(
  { database, visibility }: ReadDeps,
  version: { readonly workspaceId: string; readonly versionId: string },
  input: JsonObject,
): Promise<void> {
  const source = await findVersionSource(database.callers, visibility, version.versionId);
  const wrong = findInputFaults(version, source?.inputSchemaJson ?? null, input, "input");
  if (wrong.length > 0) throw invalidFields(wrong);
}

function requireStep(graph: Graph, stepId: string): void {
  if (stepId === "") return;
  const step = graph.steps[graph.indexById.get(stepId) ?? -1];
  if (step !== undefined && !step.isCompensation) return;
  const description = `names no step of the version${step === undefined ? "" : " that runs by itself"}`;
  throw invalidFields([{ field: "from_step_id", description }]);
}

function toPlanStep(graph: Graph, { index, act, why, isApprovalVoid, undoStays }: PlannedStep) {
  return {
    stepId: graph.steps[index]?.def.id ?? "",
    act: ACTS[act],
    ...(why === undefined ? {} : { why: REASONS[why] }),
    approvalVoid: isApprovalVoid,
    undoStays,
  };
}
