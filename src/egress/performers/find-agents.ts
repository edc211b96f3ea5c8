/**
 * Which agents can take work: the registry's presence first, then the agents service.
 * Boundary: asks and filters; choosing among them is the cache's part.
 * Rule: an agent is of the run's workspace or of none, its state lets it work, and it was heard of within 90 s.
 */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  AgentService,
  AgentStatus,
  type Agent as ListedAgent,
} from "../../../gen/agents/v1/agents_pb.ts";
import {
  type Agent as RegisteredAgent,
  RegistryService,
} from "../../../gen/registry/v1/registry_pb.ts";
import type { LookUp } from "../../engine/effect.ts";
import type { Log } from "../../runtime/log.ts";
import { isId } from "../../wire/call-replies.ts";
import { CallFailure } from "../call-failure.ts";
import { isAway } from "../call-policy.ts";
import type { Clients } from "../clients.ts";
import type { FoundAgent } from "../lookup-cache.ts";

const HEARTBEAT_AGE_LIMIT_MS = 90_000;
const AGENTS_AT_MOST = 100;
const IDLE_STATES: ReadonlySet<string> = new Set(["offline", "unhealthy", "draining", "suspended"]);

/** What finding agents needs. */
export interface FindAgentsDeps {
  readonly clients: Clients;
  readonly log: Log;
}

/** What is asked, for which effect, at which time of the database's clock. */
export interface AgentQuestion {
  readonly lookUp: LookUp;
  readonly effectId: string;
  readonly nowMs: number;
}

/** Healthy agents of a capability, perhaps none. Rejects with NotConfigured when there is nobody to ask. */
export async function findAgents(
  deps: FindAgentsDeps,
  question: AgentQuestion,
): Promise<FoundAgent[]> {
  const registered = await discover(deps, question);
  if (registered.length > 0) return registered;
  const agents = deps.clients.find("agents");
  if (agents === undefined) {
    // Without both there is nobody to ask, and the step says so.
    deps.clients.require("registry");
    return [];
  }
  const { workspaceId, capability } = question.lookUp;
  const request = { workspaceId, capability, limit: AGENTS_AT_MOST };
  const reply = await agents.ask(AgentService.method.list, request, question.effectId);
  return reply.agents
    .filter((agent) => isListedHealthy(agent, question))
    .map((agent) => ({ agentId: agent.id, current: 0, max: 0 }));
}

/** The registry only tells who is present: when it is away and the agents service can be asked, that is enough. */
async function discover(deps: FindAgentsDeps, question: AgentQuestion): Promise<FoundAgent[]> {
  const registry = deps.clients.find("registry");
  const hasOther = deps.clients.find("agents") !== undefined;
  if (registry === undefined || (registry.resting && hasOther)) return [];
  try {
    const request = { capability: question.lookUp.capability, limit: AGENTS_AT_MOST };
    const reply = await registry.ask(RegistryService.method.discover, request, question.effectId);
    return reply.agents
      .filter((agent) => isRegisteredHealthy(agent, question))
      .map((agent) => ({
        agentId: agent.id,
        current: Math.max(0, agent.capacity?.current ?? 0),
        max: agent.capacity?.max ?? 0,
      }));
  } catch (error) {
    if (!hasOther || !(error instanceof CallFailure) || !isAway(error)) throw error;
    deps.log.warn("the registry does not answer; the agents service is asked instead", { error });
    return [];
  }
}

function isRegisteredHealthy(agent: RegisteredAgent, question: AgentQuestion): boolean {
  return (
    isId(agent.id) &&
    isOfWorkspace(agent.organizationId, question) &&
    !IDLE_STATES.has(agent.status.toLowerCase()) &&
    isHeardOf(agent.heartbeatAt, question)
  );
}

function isListedHealthy(agent: ListedAgent, question: AgentQuestion): boolean {
  return (
    isId(agent.id) &&
    isOfWorkspace(agent.workspaceId, question) &&
    agent.status !== AgentStatus.OFFLINE &&
    agent.status !== AgentStatus.SUSPENDED &&
    isHeardOf(agent.lastHeartbeatAt, question)
  );
}

function isOfWorkspace(workspaceId: string, { lookUp }: AgentQuestion): boolean {
  return workspaceId === "" || workspaceId === lookUp.workspaceId;
}

function isHeardOf(at: Timestamp | undefined, { nowMs }: AgentQuestion): boolean {
  return at === undefined || timestampMs(at) >= nowMs - HEARTBEAT_AGE_LIMIT_MS;
}
