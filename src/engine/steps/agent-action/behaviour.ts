/**
 * AGENT_ACTION: finds the agent, creates an objective for it, and delegates if the step names a capability. A step with
 * config.workflow compiles to child runs instead (child-runs/).
 * Boundary: see contract.ts. The first final report of the objective or the delegation ends the step (ending.ts), or
 * TransitionStep does.
 */

import type { Draft } from "../../draft/draft.ts";
import { failure, goBadly } from "../../flow/ending.ts";
import { isSuperseded, noteLate } from "../../flow/late.ts";
import { releaseAttempt } from "../../flow/release.ts";
import {
  type CallKind,
  type CallValue,
  jsonText,
  type LookUp,
  type ReturnedCall,
} from "../../values/call.ts";
import type { OwnerReport } from "../../values/input.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import type { LookupAttempt } from "../../values/lookups.ts";
import type { Reply } from "../../values/reply.ts";
import { MAY_HAVE_ACTED, type StepRun } from "../../values/run.ts";
import type { Resolution, StepDetail } from "../../values/step-detail.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { completeWithOwnOutput, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";
import { renderBrief } from "./brief.ts";
import { delegationKnown, isDelegated, outputRead, ownerEnded, usageRead } from "./ending.ts";

/** AGENT_ACTION. */
export const agentAction: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin(task) {
    const lookUp = lookUpOf(task);
    const known = task.lookups.find(lookUp, attemptOf(task));
    if (known === undefined) task.draft.call(task.index, lookUp);
    else createObjective(task, known);
  },
  callReturned(task, value) {
    if (value.kind === "look_up") createObjective(task, value.resolution);
    else if (value.kind === "create_objective") objectiveCreated(task, value.objectiveId);
    else if (value.kind === "delegate") delegated(task, value);
    else if (value.kind === "read_output") outputRead(task, value.output);
    else if (value.kind === "query_usage") usageRead(task, value.costUsd);
  },
  unawaitedReturned: recordDelegation,
  valueOfRefusal,
  lateReturned,
  ownerReported,
  completedByHand: completeWithOwnOutput,
  failedByHand(task, report) {
    const { draft, index } = task;
    // A caller that names the objective reports for it. Otherwise the objective would go on beside the next attempt's.
    const isOwn =
      report.objectiveId !== "" && report.objectiveId === draft.rows.peek(index).objectiveId;
    if (!isOwn) releaseAttempt(draft, index, "the step was failed by hand");
    failAttempt(task, report);
  },
  retriesTimeout: true,
};

function attemptOf({ draft, index }: StepTask): LookupAttempt {
  return { stepIndex: index, retryCount: draft.rows.peek(index).retryCount };
}

function lookUpOf(task: StepTask): LookUp {
  const { def } = task.draft.step(task.index);
  const { workspaceId, environment } = task.draft.run;
  return {
    kind: "look_up",
    workspaceId,
    agentId: def.agentId,
    capability: def.requiredCapability,
    skillId: def.skillId,
    promptName: def.promptName,
    ...(environment === undefined || def.promptName === "" ? {} : { environment }),
  };
}

function createObjective(task: StepTask, resolved: Resolution): void {
  const { draft, index } = task;
  const row = draft.rows.row(index);
  row.agentId = resolved.agentId;
  row.detail = withFound(row.detail, resolved);
  const brief = briefOf(draft, index, row);
  if (!brief.ok) {
    goBadly(draft, index, failure(brief.problem, true));
    return;
  }
  draft.marks.addFlag(index, MAY_HAVE_ACTED);
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
  const row = draft.rows.row(index);
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
  const row = draft.rows.row(index);
  row.delegationId = value.delegationId;
  if (value.agentId !== "") row.agentId = value.agentId;
  draft.learnedIds.push({ stepIndex: index, id: value.delegationId });
  delegationKnown(task);
}

/** An agent can finish before the reply of Delegate arrives: the step still records its delegation. */
function recordDelegation({ draft, index }: StepTask, returned: ReturnedCall): Reply | undefined {
  const { result, attempt } = returned;
  if (!result.ok || result.value.kind !== "delegate") return undefined;
  if (draft.marks.state(index) !== "COMPLETED" || isSuperseded(draft, index, attempt))
    return undefined;
  draft.rows.row(index).delegationId = result.value.delegationId;
  draft.noteStep(index, "COMPLETED", { note: "recorded" });
  return { kind: "applied" };
}

/** The value of a refused read: the attempt has ended even if its output or cost stays unknown. */
function valueOfRefusal(call: CallKind): CallValue | undefined {
  if (call === "read_output") return { kind: "read_output" };
  return call === "query_usage" ? { kind: "query_usage", costUsd: 0 } : undefined;
}

/** Cancels an objective that was created for an attempt that has ended, unless the step already recorded it. */
function lateReturned({ draft, index }: StepTask, { attempt, result }: ReturnedCall): Reply {
  if (result.ok && result.value.kind === "create_objective") {
    const { objectiveId } = result.value;
    if (draft.rows.peek(index).objectiveId === objectiveId) return { kind: "unchanged" };
    const reason = "the step does not wait for it any more";
    draft.call(index, { kind: "cancel_objective", objectiveId, reason }, `-late-${attempt}`);
  }
  return noteLate(draft, index);
}

function ownerReported(task: StepTask, report: OwnerReport): void {
  const { draft, index } = task;
  if (report.agentId !== "") draft.rows.row(index).agentId = report.agentId;
  switch (report.state) {
    case "COMPLETED":
    case "FAILED":
    case "REJECTED":
    case "TIMED_OUT":
    case "CANCELLED":
      ownerEnded(task, report);
      return;
    case "BLOCKED":
    case "AWAITING_APPROVAL":
      if (draft.marks.state(index) === "RUNNING")
        draft.moveStep(index, "WAITING", { op: "waiting" });
      return;
    case "RUNNING":
    case "QUEUED":
    case "DEGRADED":
    case "ACCEPTED":
      if (draft.marks.state(index) === "WAITING") draft.moveStep(index, "RUNNING", {});
      return;
  }
}

type AgentBrief = { ok: true; title: string; task: JsonObject } | { ok: false; problem: string };

/** The text for the agent: the objective's description and the delegation's context are the same JSON. */
function briefOf(draft: Draft, index: number, row: StepRun): AgentBrief {
  const rendered = renderBrief(draft, index);
  if (!rendered.ok) return rendered;
  const { title, instructions, parameters, input } = rendered.brief;
  const { def } = draft.step(index);
  return {
    ok: true,
    title,
    task: {
      run_id: draft.run.id,
      step_id: def.id,
      attempt: row.retryCount + 1,
      action_type: def.actionType,
      instructions,
      parameters,
      input,
      skill_id: row.detail.resolved?.skillId ?? "",
      prompt: promptOf(row.detail.resolved),
    },
  };
}

function withFound(
  { resolved: _, ...detail }: StepDetail,
  { agentId, ...found }: Resolution,
): StepDetail {
  const isEmpty = found.skillId === "" && found.prompt === undefined;
  return isEmpty ? detail : { ...detail, resolved: found };
}

function promptOf(resolved: StepDetail["resolved"]): Json {
  const prompt = resolved?.prompt;
  if (prompt === undefined) return null;
  return { name: prompt.name, version: prompt.version, version_id: prompt.versionId };
}
