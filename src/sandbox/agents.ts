/**
 * The agents service: who the agents are, and delegations of objectives to them.
 *
 * Boundary: RPCs over the script and `delegations.ts`.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Agent,
  AgentConfigSchema,
  AgentSchema,
  AgentService,
  AgentStatus,
  type DelegationRecord,
  DelegationStatus,
  type ResolveDelegationRequest,
} from "../../gen/agents/v1/agents_pb.ts";
import { readJsonObject } from "./agent-task.ts";
import { type Delegations, hasEnded } from "./delegations.ts";
import type { Objectives, ScriptedAgents } from "./objectives.ts";
import type { Outcome } from "./outcome.ts";
import { type AgentHealth, hasCapability, listAgents, type ScriptedAgent } from "./script.ts";
import { type Routes, recordEntry, type Stage } from "./stage.ts";

// This service's states are fewer than the registry's.
const STATUS: Readonly<Record<AgentHealth, AgentStatus>> = {
  active: AgentStatus.ACTIVE,
  idle: AgentStatus.IDLE,
  busy: AgentStatus.BUSY,
  degraded: AgentStatus.DEGRADED,
  draining: AgentStatus.BUSY,
  unhealthy: AgentStatus.DEGRADED,
  offline: AgentStatus.OFFLINE,
  suspended: AgentStatus.SUSPENDED,
};

const DEFAULT_PAGE = 50;

/** AgentService. A delegation of an objective that has ended already ends at once, the same way. */
export function serveAgents(
  stage: Stage,
  objectives: Objectives,
  delegations: Delegations,
  agents: ScriptedAgents,
): Routes {
  return (router) =>
    router.service(AgentService, {
      get: ({ id }) => ({ agent: renderAgent(requireAgent(stage, id)) }),
      list(request) {
        const found = listAgents(stage.script)
          .filter((agent) => hasCapability(agent, request.capability))
          .map(renderAgent)
          .filter(
            ({ workspaceId, status }) =>
              (request.workspaceId === "" || ["", request.workspaceId].includes(workspaceId)) &&
              (request.status === AgentStatus.UNSPECIFIED || request.status === status),
          );
        const end = request.offset + (request.limit || DEFAULT_PAGE);
        return { agents: found.slice(request.offset, end), total: found.length };
      },
      getConfig({ agentId }) {
        const agent = requireAgent(stage, agentId);
        const config = create(AgentConfigSchema, {
          version: 1,
          agentId,
          promptBindings: { ...agent.promptBindings },
          maxConcurrentObjectives: agent.maxObjectives ?? 10,
        });
        return { config };
      },
      delegate(request, context) {
        const workspaceId =
          request.objectiveId === "" ? "" : objectives.require(request.objectiveId).workspaceId;
        const record = delegations.open(request, workspaceId);
        recordEntry(stage.ledgers.delegations, record.id, request, context);
        const answer = { ...record };
        const outcome = objectives.findOutcome(request.objectiveId);
        if (outcome) delegations.resolveByObjective(request.objectiveId, outcome);
        return { delegation: answer };
      },
      resolveDelegation(request) {
        const record = requireDelegation(delegations, request.delegationId);
        if (!hasEnded(record)) resolve({ objectives, delegations, agents }, record, request);
        return { delegation: { ...record } };
      },
      getDelegation: ({ id }) => ({ delegation: { ...requireDelegation(delegations, id) } }),
    });
}

interface Desks {
  readonly objectives: Objectives;
  readonly delegations: Delegations;
  readonly agents: ScriptedAgents;
}

function resolve(
  { objectives, delegations, agents }: Desks,
  record: DelegationRecord,
  request: ResolveDelegationRequest,
): void {
  const outcome = readOutcome(request);
  delegations.resolve(record, request.status, outcome);
  if (record.objectiveId === "") return;
  agents.stop(record.objectiveId);
  objectives.finish(objectives.require(record.objectiveId), outcome);
}

function readOutcome(request: ResolveDelegationRequest): Outcome {
  switch (request.status) {
    case DelegationStatus.COMPLETED: {
      const output = readJsonObject(new TextDecoder().decode(request.resultPayload));
      return { kind: "completed", output };
    }
    case DelegationStatus.FAILED:
    case DelegationStatus.REJECTED:
    case DelegationStatus.TIMED_OUT:
      return { kind: "failed", message: request.errorMessage };
  }
  // Open enums: a number without a name may come too.
  throw new ConnectError("a delegation is resolved to a final status", Code.InvalidArgument);
}

function renderAgent(agent: ScriptedAgent): Agent {
  return create(AgentSchema, {
    id: agent.id,
    workspaceId: agent.workspaceId ?? "",
    name: agent.name ?? agent.id,
    agentType: "sandbox",
    capabilities: [...agent.capabilities],
    surfaces: ["workflows"],
    status: STATUS[agent.status ?? "active"],
    activeConfigVersion: 1,
    lastHeartbeatAt: timestampFromMs(Date.now() - (agent.heartbeatAgeMs ?? 0)),
  });
}

function requireAgent(stage: Stage, id: string): ScriptedAgent {
  const agent = listAgents(stage.script).find((one) => one.id === id);
  if (agent) return agent;
  throw new ConnectError(`no agent ${id}`, Code.NotFound);
}

function requireDelegation(delegations: Delegations, id: string): DelegationRecord {
  const record = delegations.find(id);
  if (record) return record;
  throw new ConnectError(`no delegation ${id}`, Code.NotFound);
}
