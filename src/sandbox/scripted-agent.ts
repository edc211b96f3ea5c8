/**
 * The small agents: each works on its objectives as the script says, in its own time.
 *
 * Boundary: decides when and how an objective ends; telling the world is the objectives' part.
 *
 * Invariant: an agent may finish before its objective is delegated, as a real one may; the
 * delegation then ends the same way as soon as it is made (`agents.ts`).
 */
import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  DecisionType,
  RequestApprovalRequestSchema,
  RiskLevel,
} from "../../gen/approvals/v1/approvals_pb.ts";
import { type Objective, ObjectiveState } from "../../gen/objectives/v1/objectives_pb.ts";
import { type Approvals, nameDecision } from "./approvals.ts";
import type { Meter } from "./meter.ts";
import type { Objectives, ScriptedAgents } from "./objectives.ts";
import type { Outcome } from "./outcome.ts";
import { type AgentTask, findReply, type TaskReply } from "./script.ts";
import type { Stage } from "./stage.ts";
import { renderTapEvent } from "./tap.ts";

/** Puts the script's agents to work. */
export function castAgents(
  stage: Stage,
  objectives: Objectives,
  approvals: Approvals,
  meter: Meter,
): ScriptedAgents {
  const work = new Map<string, () => void>();
  const cast: Cast = {
    ...{ stage, objectives, approvals, meter },
    later(objectiveId, delayMs, action) {
      const takeBack = stage.timers.after(delayMs, () => {
        work.delete(objectiveId);
        action();
      });
      work.set(objectiveId, takeBack);
    },
  };
  return {
    requireWilling(task) {
      const { refuse, fail } = findReply(stage.script, task);
      if (refuse === undefined) return;
      const message = fail ?? `${task.stepId || task.title} is refused by the script`;
      throw new ConnectError(message, refuse);
    },
    start(objective, task) {
      const reply = findReply(stage.script, task);
      if (!reply.silent) cast.later(objective.id, 0, () => begin(cast, objective, task, reply));
    },
    stop(objectiveId) {
      work.get(objectiveId)?.();
      work.delete(objectiveId);
    },
  };
}

interface Cast {
  readonly stage: Stage;
  readonly objectives: Objectives;
  readonly approvals: Approvals;
  readonly meter: Meter;
  later(objectiveId: string, delayMs: number, action: () => void): void;
}

function begin(cast: Cast, objective: Objective, task: AgentTask, reply: TaskReply): void {
  if (reply.askApproval) askApproval(cast, objective, task, reply);
  else proceed(cast, objective, task, reply);
}

function proceed(cast: Cast, objective: Objective, task: AgentTask, reply: TaskReply): void {
  cast.objectives.move(objective, ObjectiveState.RUNNING);
  cast.later(objective.id, reply.afterMs, () => end(cast, objective, task, reply));
}

function askApproval(cast: Cast, objective: Objective, task: AgentTask, reply: TaskReply): void {
  cast.objectives.move(objective, ObjectiveState.AWAITING_APPROVAL);
  const request = create(RequestApprovalRequestSchema, {
    workspaceId: task.workspaceId,
    agentId: task.agentId,
    surface: "sandbox",
    actionType: task.actionType,
    riskLevel: RiskLevel.MEDIUM,
  });
  cast.approvals.open(request, undefined, ({ decision, reason }) => {
    if (decision === DecisionType.APPROVED || decision === DecisionType.AUTO_APPROVED) {
      proceed(cast, objective, task, reply);
    } else {
      const message = `the agent's approval was not given: ${reason || nameDecision(decision)}`;
      cast.objectives.finish(objective, { kind: "failed", message });
    }
  });
}

function end(cast: Cast, objective: Objective, task: AgentTask, reply: TaskReply): void {
  const outcome = makeOutcome(task, reply);
  const cost = reply.costUsd === undefined ? "" : ` for ${reply.costUsd} USD`;
  cast.stage.log(`${task.agentId} ${outcome.kind} ${task.stepId || task.title}${cost}`);
  if (reply.meteredUsd !== undefined) recordUsage(cast.meter, task, reply.meteredUsd);
  cast.objectives.finish(objective, outcome);
  const { followedBy } = reply;
  if (followedBy && outcome.kind === "completed") {
    cast.stage.timers.after(followedBy.afterMs, () =>
      cast.stage.bus.publish(renderTapEvent(followedBy.event(task))),
    );
  }
}

function recordUsage(meter: Meter, task: AgentTask, totalCostUsd: number): void {
  const metadata = { workflow_step: `${task.runId}/${task.stepId}` };
  meter.record(
    { agentId: task.agentId, surface: "sandbox", totalCostUsd, metadata },
    task.workspaceId,
  );
}

function makeOutcome(task: AgentTask, reply: TaskReply): Outcome {
  const cost = reply.costUsd === undefined ? {} : { costUsd: reply.costUsd };
  if (reply.fail !== undefined) return { kind: "failed", message: reply.fail, ...cost };
  try {
    const output = typeof reply.output === "function" ? reply.output(task) : (reply.output ?? {});
    return { kind: "completed", output, ...cost };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "failed", message: `the agent's script failed: ${message}`, ...cost };
  }
}
