/**
 * The registry: which agents are there right now, how loaded, last heard of when.
 *
 * Boundary: RPCs over the script and the count of open objectives.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Agent, AgentSchema, RegistryService } from "../../gen/registry/v1/registry_pb.ts";
import type { Objectives } from "./objectives.ts";
import { hasCapability, listAgents, type ScriptedAgent } from "./script.ts";
import type { Routes, Stage } from "./stage.ts";

const DEFAULT_MAX_OBJECTIVES = 10;

/** RegistryService. Discover gives every agent that has all capabilities asked for, of any health. */
export function serveRegistry(stage: Stage, objectives: Objectives): Routes {
  const startedAtMs = Date.now();
  const render = (agent: ScriptedAgent): Agent =>
    create(AgentSchema, {
      id: agent.id,
      organizationId: agent.workspaceId ?? "",
      surface: "workflows",
      capabilities: [...agent.capabilities],
      status: agent.status ?? "active",
      capacity: {
        current: objectives.countOpen(agent.id),
        max: agent.maxObjectives ?? DEFAULT_MAX_OBJECTIVES,
      },
      metadata: { name: agent.name ?? agent.id },
      heartbeatAt: timestampFromMs(Date.now() - (agent.heartbeatAgeMs ?? 0)),
      registeredAt: timestampFromMs(startedAtMs),
    });
  return (router) =>
    router.service(RegistryService, {
      get({ id }) {
        const agent = listAgents(stage.script).find((one) => one.id === id);
        if (agent) return { agent: render(agent) };
        throw new ConnectError(`no agent ${id}`, Code.NotFound);
      },
      discover(request) {
        const wanted = [request.capability, ...request.capabilities];
        const agents = listAgents(stage.script)
          .filter((agent) => wanted.every((capability) => hasCapability(agent, capability)))
          .map(render)
          .filter(({ status }) => request.status === "" || request.status === status);
        return { agents: request.limit > 0 ? agents.slice(0, request.limit) : agents };
      },
    });
}
