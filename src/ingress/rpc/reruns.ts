/**
 * Rerun: a new run, linked to one that has ended, that reuses what that one completed.
 * Boundary: checks the plan and hands it in; what is handed over is the engine's (engine/inputs/rerun.ts).
 * Invariant: an agent makes no decision count again: it reruns nothing that reuses a gate or a governance check.
 */
import { type RerunRequest, RerunRequestSchema } from "../../../gen/workflows/ops/v1/reruns_pb.ts";
import { rerunCallOf } from "../../engine/inputs/rerun.ts";
import { STEP_FACTS } from "../../engine/steps/registry.ts";
import { callIdOf } from "../../engine/values/call.ts";
import type { Cause, RerunOrder } from "../../engine/values/input.ts";
import { Refusal } from "../../process/refusal.ts";
import { findRunOutline, findRunWith } from "../../store/reads/many-runs.ts";
import { findRerunId } from "../../store/reads/reruns.ts";
import { refuseAgent } from "./actor.ts";
import { checkFields } from "./fields.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { type MadePlan, makePlan, requirePlan } from "./rerun-plan.ts";
import { readRunMessage, unknownRun } from "./run-answers.ts";
import type { WriteDeps } from "./service-deps.ts";

/** The first transition of the new run holds all of them. */
const REUSED_BYTES_AT_MOST = 4 * 1024 * 1024;

/** Rerun. */
export async function answerRerun(deps: WriteDeps, request: RerunRequest) {
  const { runId, reason, planId } = request;
  const faults = checkFields(RerunRequestSchema, request);
  faults.require("plan_id", planId);
  faults.require("reason", reason);
  const made = await makePlan(deps, request, faults);
  requirePlan(made, request, planId);
  requireDecider(deps, made);
  await requireSize(deps, made);
  const { run, versionId, version, input, plan } = made;
  const order: RerunOrder = {
    ...{ seq: run.seq, versionId, version, seed: plan.seed, reason },
    ...(input === undefined ? {} : { input }),
  };
  const cause = causeWith(deps, reason);
  await submitInput(deps, runId, { kind: "rerun_requested", order, cause });
  const callId = callIdOf({ runId, stepId: "-", attempt: run.seq + 1, call: "start_rerun" });
  const own = { callId, workspaceId: run.workspaceId };
  return {
    run: await readRunMessage(
      deps,
      await deps.write.startRerun(own, rerunCallOf(run, order, cause)),
    ),
  };
}

/** The answer to a Rerun that is committed and was not answered. */
export async function answerRerunAgain(deps: WriteDeps, _request: RerunRequest, runId: string) {
  const { database, visibility } = deps;
  const newId = await findRerunId(database.callers, visibility, runId);
  if (newId !== undefined) return { run: await readRunMessage(deps, newId) };
  const outline = await findRunOutline(database.callers, visibility, runId);
  if (outline === undefined) throw unknownRun(runId);
  const { state, rerun } = outline.run;
  if (rerun?.call !== undefined)
    throw new Refusal("unavailable", `the rerun of run ${runId} has not begun yet`);
  // What had passed to the rerun came back with the call that started nothing.
  const message = `the rerun of run ${runId} could not be started, as its history says: plan again`;
  const resource = { type: "run", name: runId };
  throw new Refusal("illegal_move", message, { from: state, to: state, resource });
}

function requireDecider({ caller }: WriteDeps, { graph, plan }: MadePlan): void {
  const decided = plan.seed.reused
    .flatMap(({ to }) => graph.steps[to] ?? [])
    .find(({ type }) => STEP_FACTS[type].isDecision);
  if (decided === undefined) return;
  const { id } = decided.def;
  refuseAgent(caller, `an agent decides nothing, and the decision of step ${id} would count again`);
}

async function requireSize({ database, visibility }: WriteDeps, { run, plan }: MadePlan) {
  const indexes = plan.seed.reused.map(({ from }) => from);
  const wanted = { inputs: indexes, outputs: indexes };
  const { callers } = database;
  const found = await findRunWith(callers, visibility, run.id, wanted, REUSED_BYTES_AT_MOST);
  if (found === undefined) throw unknownRun(run.id);
  const { inputs, outputs } = found.missing;
  if (!indexes.some((index) => inputs.has(index) || outputs.has(index))) return;
  const message = `what is reused of run ${run.id} has more than ${REUSED_BYTES_AT_MOST} bytes: rerun from an earlier step`;
  throw new Refusal("too_large", message);
}

function causeWith(deps: WriteDeps, reason: string): Cause {
  return { ...causeOf(deps, "Rerun"), reason };
}
