/**
 * Runs.ResumeWith: a paused run goes on, and steps that have not begun get another input.
 * Boundary: reads the changes and judges who makes them; which steps can be changed is the engine's (engine/inputs/resume.ts).
 * Invariant: an agent changes nothing, and only an admin what a gate or a check before the step has let pass.
 */
import {
  type ResumeWithRequest,
  ResumeWithRequestSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph, GraphStep } from "../../engine/graph/graph.ts";
import { STEP_FACTS } from "../../engine/steps/registry.ts";
import { findRunHead } from "../../store/reads/run-heads.ts";
import { refuseAgent } from "./actor.ts";
import { checkFields, type Faults } from "./fields.ts";
import { requireScope } from "./guard.ts";
import { causeOf, submitInput } from "./lifecycle.ts";
import { readRunMessage, unknownRun } from "./run-answers.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import { unknownStep } from "./steps.ts";

const STEPS_AT_MOST = 50;

/** ResumeWith: PAUSED → RUNNING. */
export async function answerResumeWith(deps: WriteDeps, request: ResumeWithRequest) {
  const { runId, reason, inputs } = request;
  const faults = checkFields(ResumeWithRequestSchema, request);
  faults.require("run_id", runId);
  faults.require("reason", reason);
  checkInputs(inputs, faults);
  faults.refuseIfAny();
  const { caller } = deps;
  refuseAgent(caller, "an agent changes no input");
  const graph = await requireGraph(deps, runId);
  const steps = Object.keys(inputs).map((stepId) => {
    const step = graph.steps[graph.indexById.get(stepId) ?? -1];
    if (step === undefined) throw unknownStep(stepId);
    return step;
  });
  if (caller !== undefined && followsDecision(graph, steps))
    requireScope(caller, "workflows:admin");
  const cause = { ...causeOf(deps, "ResumeWith"), reason };
  await submitInput(deps, runId, { kind: "resume_requested", inputs, cause });
  return { run: await readRunMessage(deps, runId) };
}

function checkInputs(inputs: ResumeWithRequest["inputs"], faults: Faults): void {
  const patches = Object.entries(inputs);
  if (patches.length === 0) {
    faults.add("inputs", "is required; ResumeRun resumes a run as it is");
  }
  if (patches.length > STEPS_AT_MOST) {
    faults.add("inputs", `has ${patches.length} steps, over the limit of ${STEPS_AT_MOST}`);
    return;
  }
  for (const [stepId, patch] of patches) {
    if (Object.keys(patch).length === 0) faults.add(`inputs.${stepId}`, "changes nothing");
  }
}

async function requireGraph(deps: ReadDeps, runId: string): Promise<Graph> {
  const head = await findRunHead(deps.database.callers, deps.visibility, runId);
  const graphs = head === undefined ? undefined : await deps.graphs.require([head.versionId]);
  const graph = graphs?.get(head?.versionId ?? "");
  if (graph === undefined) throw unknownRun(runId);
  return graph;
}

/** Whether a step whose outcome is a decision leads to one of them. */
function followsDecision(graph: Graph, steps: readonly GraphStep[]): boolean {
  const seen = new Set<number>();
  const open = [...steps];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    for (const edge of step.incoming) {
      const from = graph.steps[graph.edges[edge]?.from ?? -1];
      if (from === undefined || seen.has(from.index)) continue;
      if (STEP_FACTS[from.type].isDecision) return true;
      seen.add(from.index);
      open.push(from);
    }
  }
  return false;
}
