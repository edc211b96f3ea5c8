/**
 * The objectives that were made, their states as bus events, and the RPCs of the objectives
 * service.
 *
 * Boundary: keeps records and publishes; the agent that works on one is `scripted-agent.ts`.
 *
 * Invariant: an objective ends once. Its delegation's end is published before its own.
 */
import { create, enumToJson, type JsonObject } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type CreateRequest,
  type Objective,
  ObjectiveSchema,
  ObjectiveService,
  ObjectiveState,
  ObjectiveStateSchema,
} from "../../gen/objectives/v1/objectives_pb.ts";
import { readTask } from "./agent-task.ts";
import type { Delegations } from "./delegations.ts";
import { type Outcome, renderOutcome } from "./outcome.ts";
import type { AgentTask } from "./script.ts";
import { makeId, type Routes, recordEntry, remember, type Stage } from "./stage.ts";

/** The agents of one sandbox. */
export interface ScriptedAgents {
  /** Throws the refusal that the script has for this task, if it has one. */
  requireWilling(task: AgentTask): void;
  /** Lets the objective's agent begin its work. */
  start(objective: Objective, task: AgentTask): void;
  /** Stops the work on an objective, if there is any. */
  stop(objectiveId: string): void;
}

/** The objectives of one sandbox. */
export interface Objectives {
  /** Keeps an objective that was drafted and not refused. */
  add(objective: Objective): void;
  /** Throws NOT_FOUND when there is none. */
  require(id: string): Objective;
  /** The end of an objective, undefined while it is open or unknown. */
  findOutcome(id: string): Outcome | undefined;
  /** How many objectives an agent has open. */
  countOpen(agentId: string): number;
  /** Moves an open objective to a state that is not final. */
  move(objective: Objective, state: ObjectiveState): void;
  /** Ends an open objective, its delegation first; one that has ended stays as it is. */
  finish(objective: Objective, outcome: Outcome): void;
}

const FINAL_STATES = {
  completed: ObjectiveState.COMPLETED,
  failed: ObjectiveState.FAILED,
  cancelled: ObjectiveState.CANCELLED,
} as const;

/** Keeps the objectives of a stage. */
export function keepObjectives(stage: Stage, delegations: Delegations): Objectives {
  const objectives = new Map<string, Objective>();
  const outcomes = new Map<string, Outcome>();
  const openByAgent = new Map<string, number>();
  const addOpen = (agentId: string, count: number): void => {
    openByAgent.set(agentId, (openByAgent.get(agentId) ?? 0) + count);
  };
  return {
    add(objective) {
      remember(objectives, objective.id, objective);
      addOpen(objective.agentId, 1);
    },
    require(id) {
      const objective = objectives.get(id);
      if (objective) return objective;
      throw new ConnectError(`no objective ${id}`, Code.NotFound);
    },
    findOutcome: (id) => outcomes.get(id),
    countOpen: (agentId) => openByAgent.get(agentId) ?? 0,
    move(objective, state) {
      if (!outcomes.has(objective.id)) changeState(stage, objective, state, {});
    },
    finish(objective, outcome) {
      if (outcomes.has(objective.id)) return;
      remember(outcomes, objective.id, outcome);
      addOpen(objective.agentId, -1);
      delegations.resolveByObjective(objective.id, outcome);
      const fields = renderOutcome(outcome, "output_payload");
      changeState(stage, objective, FINAL_STATES[outcome.kind], fields);
    },
  };
}

function draftObjective(request: CreateRequest): Objective {
  const { workspaceId, agentId, surface, title, description } = request;
  const now = timestampNow();
  return create(ObjectiveSchema, {
    ...{ workspaceId, agentId, surface, title, description },
    id: makeId("obj"),
    state: ObjectiveState.PENDING,
    createdAt: now,
    updatedAt: now,
  });
}

function changeState(
  stage: Stage,
  objective: Objective,
  state: ObjectiveState,
  fields: JsonObject,
): void {
  objective.state = state;
  objective.updatedAt = timestampNow();
  stage.bus.publishChange({
    service: "objectives",
    aggregateType: "objective",
    aggregateId: objective.id,
    operation: "transition",
    workspaceId: objective.workspaceId,
    actorType: "agent",
    actorId: objective.agentId,
    payload: {
      id: objective.id,
      workspace_id: objective.workspaceId,
      agent_id: objective.agentId,
      state: enumToJson(ObjectiveStateSchema, state),
      ...fields,
    },
  });
}

/** ObjectiveService: every objective that is made is also given to its scripted agent. */
export function serveObjectives(
  stage: Stage,
  objectives: Objectives,
  agents: ScriptedAgents,
): Routes {
  return (router) =>
    router.service(ObjectiveService, {
      create(request, context) {
        const objective = draftObjective(request);
        const task = readTask(objective);
        agents.requireWilling(task);
        objectives.add(objective);
        agents.start(objective, task);
        recordEntry(stage.ledgers.objectives, objective.id, request, context);
        return { objective: snapshot(objective) };
      },
      get: ({ id }) => ({ objective: snapshot(objectives.require(id)) }),
      transition({ id, state, reason }) {
        const objective = objectives.require(id);
        transition(objectives, objective, state, reason);
        return { objective: snapshot(objective) };
      },
      cancel({ id, reason }, context) {
        const objective = objectives.require(id);
        recordEntry(stage.ledgers.cancellations, id, { reason }, context);
        agents.stop(id);
        objectives.finish(objective, { kind: "cancelled", reason });
        return { objective: snapshot(objective) };
      },
    });
}

function transition(
  objectives: Objectives,
  objective: Objective,
  state: ObjectiveState,
  reason: string,
): void {
  if (state === objective.state) return;
  if (objectives.findOutcome(objective.id)) {
    throw new ConnectError(`objective ${objective.id} has ended`, Code.FailedPrecondition);
  }
  if (state === ObjectiveState.UNSPECIFIED) {
    throw new ConnectError("state is needed", Code.InvalidArgument);
  }
  if (state === ObjectiveState.COMPLETED) objectives.finish(objective, { kind: "completed" });
  else if (state === ObjectiveState.FAILED) {
    objectives.finish(objective, { kind: "failed", message: reason });
  } else if (state === ObjectiveState.CANCELLED) {
    objectives.finish(objective, { kind: "cancelled", reason });
  } else objectives.move(objective, state);
}

// An answer that is kept for its idempotency key must not change with the objective.
function snapshot(objective: Objective): Objective {
  return { ...objective };
}
