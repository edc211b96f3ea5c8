/**
 * AGENT_ACTION: find the agent, create an objective for it, delegate where it was routed by capability.
 * Boundary: see contract.ts. Ends by the first final report of the objective or the delegation, or by TransitionStep.
 */
import type { Draft } from "../draft.ts";
import { type CallValue, jsonText, type LookUp } from "../effect.ts";
import { addCost, failure, goBadly, succeed } from "../ending.ts";
import { valueKindOf } from "../graph/config-keys.ts";
import type { OwnerReport } from "../input.ts";
import type { Json, JsonObject } from "../json.ts";
import { inputOf } from "../payloads.ts";
import { MAY_HAVE_EFFECT, type Resolution, type StepRun } from "../run.ts";
import { renderConfig } from "./config.ts";
import type { StepKind, StepTask } from "./contract.ts";
import { completeWithOwnOutput, failAttempt, textSetting } from "./plain.ts";

/** AGENT_ACTION. */
export const agentAction: StepKind = {
  begin(task) {
    const lookUp = lookUpOf(task);
    const known = task.lookups.find(lookUp);
    if (known === undefined) task.draft.call(task.index, lookUp);
    else createObjective(task, known);
  },
  callReturned(task, value) {
    if (value.kind === "look_up") createObjective(task, value.resolution);
    else if (value.kind === "create_objective") objectiveCreated(task, value.objectiveId);
    else if (value.kind === "delegate") delegated(task, value);
    else if (value.kind === "read_output") finish(task, value.output ?? {});
  },
  ownerReported,
  completedByHand: completeWithOwnOutput,
  failedByHand: failAttempt,
  retriesTimeout: true,
};

function lookUpOf(task: StepTask): LookUp {
  const { def } = task.draft.step(task.index);
  return {
    kind: "look_up",
    workspaceId: task.draft.run.workspaceId,
    agentId: def.agentId,
    capability: def.requiredCapability,
    skillId: def.skillId,
    promptName: def.promptName,
  };
}

function createObjective(task: StepTask, resolved: Resolution): void {
  const { draft, index } = task;
  const row = draft.row(index);
  row.agentId = resolved.agentId;
  row.detail = { ...row.detail, resolved };
  const brief = briefOf(draft, index, row);
  if (!brief.ok) {
    goBadly(draft, index, failure(brief.problem, true));
    return;
  }
  draft.addFlag(index, MAY_HAVE_EFFECT);
  draft.call(index, {
    kind: "create_objective",
    workspaceId: draft.run.workspaceId,
    agentId: resolved.agentId,
    title: brief.title,
    description: jsonText(brief.task),
  });
}

function objectiveCreated(task: StepTask, objectiveId: string): void {
  const { draft, index } = task;
  const row = draft.row(index);
  row.objectiveId = objectiveId;
  draft.learnedIds.push({ stepIndex: index, id: objectiveId });
  if (!isDelegated(draft, index)) return;
  const brief = briefOf(draft, index, row);
  if (!brief.ok) {
    goBadly(draft, index, failure(brief.problem, true));
    return;
  }
  const { def } = draft.step(index);
  draft.call(index, {
    kind: "delegate",
    fromAgentId: draft.run.initiatorAgentId === "" ? "workflows" : draft.run.initiatorAgentId,
    toAgentId: row.agentId,
    capability: def.requiredCapability,
    objectiveId,
    runId: draft.run.id,
    stepId: def.id,
    context: jsonText(brief.task),
    reason: brief.title,
  });
}

function delegated(task: StepTask, value: Extract<CallValue, { kind: "delegate" }>): void {
  const { draft, index } = task;
  const row = draft.row(index);
  row.delegationId = value.delegationId;
  if (value.agentId !== "") row.agentId = value.agentId;
  draft.learnedIds.push({ stepIndex: index, id: value.delegationId });
  // The objective ended before its delegation was known: now its output can be asked for.
  if (row.detail.pendingEnd !== undefined) askForOutput(task, row);
}

function ownerReported(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
  if (report.agentId !== "") draft.row(index).agentId = report.agentId;
  switch (report.state) {
    case "COMPLETED":
      completed(task, report);
      return;
    case "FAILED":
    case "REJECTED":
    case "TIMED_OUT":
      addCost(draft, index, report.costUsd);
      goBadly(draft, index, failure(troubleOf(report), true));
      return;
    case "CANCELLED":
      addCost(draft, index, report.costUsd);
      goBadly(draft, index, failure(troubleOf(report), false));
      return;
    case "BLOCKED":
    case "AWAITING_APPROVAL":
      if (draft.state(index) === "RUNNING") draft.moveStep(index, "WAITING", { op: "waiting" });
      return;
    case "RUNNING":
    case "QUEUED":
    case "DEGRADED":
    case "ACCEPTED":
      if (draft.state(index) === "WAITING") draft.moveStep(index, "RUNNING", {});
      return;
  }
}

function completed(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
  if (draft.peek(index).detail.pendingEnd !== undefined) {
    if (report.output !== undefined) finish(task, report.output);
    return;
  }
  addCost(draft, index, report.costUsd);
  if (report.output !== undefined) {
    finish(task, report.output);
    return;
  }
  // Only a delegation's record holds a result: an objective that ends without one asks there.
  if (report.owner === "delegation" || !isDelegated(draft, index)) {
    finish(task, {});
    return;
  }
  const row = draft.row(index);
  row.detail = { ...row.detail, pendingEnd: { costUsd: report.costUsd } };
  if (row.delegationId !== "") askForOutput(task, row);
}

function askForOutput(task: StepTask, row: StepRun): void {
  const { delegationId, objectiveId } = row;
  task.draft.call(task.index, { kind: "read_output", delegationId, objectiveId });
}

function finish(task: StepTask, output: JsonObject): void {
  succeed(task.draft, task.index, { output, extendsInput: false });
}

function troubleOf(report: OwnerReport): string {
  if (report.errorMessage !== "") return report.errorMessage;
  return `${report.owner} ${report.id} ended ${report.state}`;
}

function isDelegated(draft: Draft, index: number): boolean {
  const { def } = draft.step(index);
  return (def.agentId === "" && def.requiredCapability !== "") || def.config.delegate === true;
}

type Brief = { ok: true; title: string; task: JsonObject } | { ok: false; problem: string };

/** What the agent gets: the objective's description and the delegation's context are the same JSON. */
function briefOf(draft: Draft, index: number, row: StepRun): Brief {
  const { def } = draft.step(index);
  const input = inputOf(draft, index);
  const config = renderConfig(draft, index, input);
  if (!config.ok) return config;
  const parameters = Object.fromEntries(
    Object.entries(config.value).filter(([key]) => valueKindOf("AGENT_ACTION", key) === undefined),
  );
  const title = textSetting(config.value, "title");
  return {
    ok: true,
    title: title === "" ? def.name || def.id : title,
    task: {
      run_id: draft.run.id,
      step_id: def.id,
      attempt: row.retryCount + 1,
      action_type: def.actionType,
      instructions: textSetting(config.value, "instructions"),
      parameters,
      input,
      skill_id: row.detail.resolved?.skillId ?? "",
      prompt: promptOf(row.detail.resolved),
    },
  };
}

function promptOf(resolved: Resolution | undefined): Json {
  const prompt = resolved?.prompt;
  if (prompt === undefined) return null;
  return { name: prompt.name, version: prompt.version, version_id: prompt.versionId };
}
