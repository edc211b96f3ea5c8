/**
 * TransitionStep: the door for agents, people and other services.
 * Boundary: reads the report, checks a human task's output against its schema, and who may decide; which moves are legal
 * is the engine's.
 */
import {
  StepRunState,
  type TransitionStepRequest,
  TransitionStepRequestSchema,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { GraphStep } from "../../engine/graph/graph.ts";
import { outputSchemaOf } from "../../engine/steps/human-task/output-schema.ts";
import { HELD_PLACE } from "../../engine/steps/person-items.ts";
import { STEP_FACTS } from "../../engine/steps/registry.ts";
import { findDecision } from "../../engine/values/enum-names.ts";
import type { StepReport } from "../../engine/values/input.ts";
import { MAX_COST_USD } from "../../engine/values/limits.ts";
import { isFinalStep, stateOfMark } from "../../engine/values/run.ts";
import { Refusal } from "../../process/refusal.ts";
import { findAskingStep } from "../../store/reads/inbox.ts";
import { findRunHead } from "../../store/reads/run-heads.ts";
import { findRuns } from "../../store/reads/runs.ts";
import { findStepState, toRunMessage, toStepMessage } from "../../wire/runs.ts";
import { refuseAgent, refuseMcp, VIA_MCP } from "./actor.ts";
import { checkFields, type Faults, invalidFields } from "./fields.ts";
import { requireScope } from "./guard.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { findOutputFaults } from "./output-schema.ts";
import { readRun, unknownRun } from "./run-answers.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const TARGETS = ["RUNNING", "WAITING", "COMPLETED", "FAILED"] as const;

/** TransitionStep: the step and its run after the move, or as they are when the call is late or a repeat. */
export async function answerTransitionStep(deps: WriteDeps, request: TransitionStepRequest) {
  const report = readReport(request);
  await checkReport(deps, request.runId, report);
  const cause = causeOf(deps, "TransitionStep", report.agentId);
  await submitInput(deps, request.runId, { kind: "step_reported", report, cause });
  return readStep(deps, request);
}

/** The step and its run as they stand now, as TransitionStep answers. */
export async function readStep(
  deps: ReadDeps,
  { runId, stepId }: Pick<TransitionStepRequest, "runId" | "stepId">,
) {
  const view = await readRun(deps, runId, stepId);
  const step = view.steps.find(({ step: { def } }) => def.id === stepId);
  if (step === undefined) throw unknownStep(stepId);
  return { step: toStepMessage(step), run: toRunMessage(view, { payloads: true }) };
}

function readReport(request: TransitionStepRequest): StepReport {
  const faults = checkFields(TransitionStepRequestSchema, request);
  faults.require("run_id", request.runId);
  faults.require("step_id", request.stepId);
  const state = readTarget(request.state, faults);
  if (request.costUsd < 0) faults.add("cost_usd", `is ${request.costUsd}; a cost is not negative`);
  if (request.costUsd > MAX_COST_USD) {
    faults.add("cost_usd", `is ${request.costUsd}; a call costs at most ${MAX_COST_USD} USD`);
  }
  if (request.governanceDecision !== "" && findDecision(request.governanceDecision) === undefined) {
    faults.add(
      "governance_decision",
      "must be ACTION_DECISION_ALLOW, ACTION_DECISION_DENY or ACTION_DECISION_REQUIRE_APPROVAL",
    );
  }
  faults.refuseIfAny();
  return {
    stepId: request.stepId,
    state,
    objectiveId: request.objectiveId,
    agentId: request.agentId,
    delegationId: request.delegationId,
    approvalRequestId: request.approvalRequestId,
    governanceDecision: request.governanceDecision,
    eventId: request.eventId,
    notificationId: request.notificationId,
    ...(request.outputPayload === undefined ? {} : { output: request.outputPayload }),
    errorMessage: request.errorMessage,
    costUsd: request.costUsd,
  };
}

function readTarget(number: StepRunState, faults: Faults): StepReport["state"] {
  const named = findStepState(number);
  const target = TARGETS.find((state) => state === named);
  if (target === undefined && (named !== undefined || number === StepRunState.UNSPECIFIED)) {
    faults.add("state", `is ${named ?? "unset"}; a step can be moved to ${TARGETS.join(", ")}`);
  }
  return target ?? "RUNNING";
}

/** What depends on the step's type is checked before anything is submitted, so that the step stays as it is. */
async function checkReport(deps: WriteDeps, runId: string, report: StepReport): Promise<void> {
  const { caller } = deps;
  const hands = report.state === "COMPLETED";
  const isAdmin = caller?.scopes.has("workflows:admin") === true && !caller.isAgent;
  const mayDecide = (caller === undefined || isAdmin) && deps.via !== VIA_MCP;
  if (!hands && mayDecide) return;
  const step = await findStep(deps, runId, report.stepId);
  if (step === undefined) return;
  // Any report: one that only records another approval's id would decide the gate with it.
  if (STEP_FACTS[step.type].isDecision) {
    if (caller !== undefined) requireScope(caller, "workflows:admin");
    refuseAgent(caller);
    refuseMcp(deps);
  }
  if (caller?.isAgent === true && (await isHeld(deps, runId, step))) refuseAgent(caller);
  if (hands) await checkOutput(deps, runId, step, report);
}

/** A held step has no attempt that an agent could report: it waits for a person's order. */
async function isHeld(deps: ReadDeps, runId: string, step: GraphStep): Promise<boolean> {
  if (step.onError !== "hold") return false;
  const { database, visibility } = deps;
  const row = await findAskingStep(database.callers, visibility, runId, step.index, HELD_PLACE);
  return row?.detail?.held !== undefined;
}

/** Refuses an output that breaks the schema of a task that has not ended. */
export async function checkOutput(
  deps: ReadDeps,
  runId: string,
  step: GraphStep,
  report: Pick<StepReport, "output">,
): Promise<void> {
  const schema = outputSchemaOf(step.def);
  if (schema === undefined) return;
  const faults = findOutputFaults(schema, report.output ?? {});
  if (faults.length > 0 && !(await hasEnded(deps, runId, step))) throw invalidFields(faults);
}

/** A step that has ended for good takes nothing more: a repeat or a latecomer is answered with it, whatever it brings. */
async function hasEnded(deps: ReadDeps, runId: string, step: GraphStep): Promise<boolean> {
  // A compensation that failed may begin again.
  if (step.isCompensation) return false;
  const [run] = await findRuns(deps.database.callers, deps.visibility, [runId]);
  return run !== undefined && isFinalStep(stateOfMark(run.stepMarks[step.index] ?? 0));
}

/** The step of a run by its id; undefined: its version has none. Refuses not_found for an unknown run. */
export async function findStep(
  deps: ReadDeps,
  runId: string,
  stepId: string,
): Promise<GraphStep | undefined> {
  const head = await findRunHead(deps.database.callers, deps.visibility, runId);
  if (head === undefined) throw unknownRun(runId);
  const graphs = await deps.graphs.require([head.versionId]);
  const graph = graphs.get(head.versionId);
  return graph?.steps[graph.indexById.get(stepId) ?? -1];
}

/** The refusal for a step that the run's version does not have. */
export function unknownStep(stepId: string): Refusal {
  const resource = { type: "step", name: stepId };
  return new Refusal("not_found", `the run has no step ${stepId}`, { resource });
}
