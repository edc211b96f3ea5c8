/**
 * Which agents can take work: the registry's presence first, then the agents service.
 * Boundary: asks and filters; choosing among them is the cache's part.
 * Rule: an agent is of the run's workspace or of none, its state lets it work, and it sent a heartbeat within 90 s.
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
import type { CallOrigin } from "../../collaborators/clients.ts";
import { type FailOpenDeps, orGoOn } from "../../collaborators/fail-open.ts";
import type { FoundAgent } from "../../collaborators/lookup-cache.ts";
import type { LookUp } from "../../engine/values/call.ts";
import { isId } from "../../wire/calls/replies.ts";

const HEARTBEAT_AGE_LIMIT_MS = 90_000;
/** The registry cannot be asked for one workspace only: ours may stand behind many of others. */
const AGENTS_AT_MOST = 1_000;
const IDLE_STATES: ReadonlySet<string> = new Set(["offline", "unhealthy", "draining", "suspended"]);

/** What is asked, for which call, at which time of the database's clock. */
export interface AgentQuestion extends CallOrigin {
  readonly lookUp: LookUp;
  readonly nowMs: number;
}

/** Healthy agents of a capability, perhaps none. Rejects with NotConfigured when no service is configured. */
export async function findAgents(
  deps: FailOpenDeps,
  question: AgentQuestion,
): Promise<FoundAgent[]> {
  const registered = await discover(deps, question);
  if (registered.length > 0) return registered;
  const agents = deps.clients.find("agents");
  if (agents === undefined) {
    // Without both no service can be asked, and the step says so.
    deps.clients.require("registry");
    return [];
  }
  const { workspaceId, capability } = question.lookUp;
  const request = { workspaceId, capability, limit: AGENTS_AT_MOST };
  const reply = await agents.ask(AgentService.method.list, request, question);
  return reply.agents
    .filter((agent) => isListedHealthy(agent, question))
    .map((agent) => ({ agentId: agent.id, current: 0, max: 0 }));
}

/** The registry only lists present agents. It fails open when the agents service can be asked instead. */
async function discover(deps: FailOpenDeps, question: AgentQuestion): Promise<FoundAgent[]> {
  const registry = deps.clients.find("registry");
  if (registry === undefined) return [];
  const request = { capability: question.lookUp.capability, limit: AGENTS_AT_MOST };
  const { discover: method } = RegistryService.method;
  if (deps.clients.find("agents") === undefined) {
    return healthyOf((await registry.ask(method, request, question)).agents, question);
  }
  const asked = registry.askBriefly(method, request, question);
  const answer = await orGoOn(deps.log, "registry", asked);
  return answer.kind === "reply" ? healthyOf(answer.reply.agents, question) : [];
}

function healthyOf(agents: readonly RegisteredAgent[], question: AgentQuestion): FoundAgent[] {
  return agents
    .filter((agent) => isRegisteredHealthy(agent, question))
    .map((agent) => ({
      agentId: agent.id,
      current: Math.max(0, agent.capacity?.current ?? 0),
      max: agent.capacity?.max ?? 0,
    }));
}

function isRegisteredHealthy(agent: RegisteredAgent, question: AgentQuestion): boolean {
  return (
    isId(agent.id) &&
    isOfWorkspace(agent.organizationId, question) &&
    !IDLE_STATES.has(agent.status.toLowerCase()) &&
    isAlive(agent.heartbeatAt, question)
  );
}

function isListedHealthy(agent: ListedAgent, question: AgentQuestion): boolean {
  return (
    isId(agent.id) &&
    isOfWorkspace(agent.workspaceId, question) &&
    agent.status !== AgentStatus.OFFLINE &&
    agent.status !== AgentStatus.SUSPENDED &&
    isAlive(agent.lastHeartbeatAt, question)
  );
}

function isOfWorkspace(workspaceId: string, { lookUp }: AgentQuestion): boolean {
  return workspaceId === "" || workspaceId === lookUp.workspaceId;
}

function isAlive(at: Timestamp | undefined, { nowMs }: AgentQuestion): boolean {
  return at === undefined || timestampMs(at) >= nowMs - HEARTBEAT_AGE_LIMIT_MS;
}
