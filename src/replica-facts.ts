/**
 * What a replica knows by itself, put together from the parts that know.
 * Boundary: wiring, as main.ts.
 */
import type { Clients } from "./collaborators/clients.ts";
import { COLLABORATORS } from "./collaborators/names.ts";
import type { Config } from "./config.ts";
import type { Dispatcher } from "./egress/dispatch/dispatcher.ts";
import { VERSION } from "./process/version.ts";
import type { ReplicaFacts, ReplicaView } from "./runtime/replica-view.ts";

/** The parts that know. */
interface KnowingParts {
  readonly config: Config;
  readonly replicaId: string;
  readonly startedAt: Date;
  readonly clients: Clients;
  readonly inputClients: Clients;
  readonly dispatcher: Dispatcher;
  readonly bus: Pick<ReplicaView, "findQueue" | "findWorkers" | "lookAtQueues">;
}

/** What this replica knows. */
export function viewOf(parts: KnowingParts): ReplicaView {
  const { config, clients, inputClients, dispatcher, bus } = parts;
  const configured = new Set<string>(
    COLLABORATORS.filter((name) => clients.find(name) !== undefined),
  );
  // Each set of clients has breakers of its own.
  const restOf = (name: string) => clients.breakerRestMs(name) ?? inputClients.breakerRestMs(name);
  return {
    facts: factsOf(parts),
    collaborators: () =>
      COLLABORATORS.map((name) => ({
        name,
        isConfigured: configured.has(name),
        isBuiltIn: isBuiltIn(config, name),
        breakerRestMs: restOf(name),
      })),
    isConfigured: (name) => configured.has(name),
    breakerRestMs: (name) => clients.breakerRestMs(name),
    findCall: (callId) => dispatcher.find(callId),
    findQueue: (queue) => bus.findQueue(queue),
    findWorkers: (workspaceId) => bus.findWorkers(workspaceId),
    lookAtQueues: (workspaceId) => bus.lookAtQueues(workspaceId),
  };
}

function isBuiltIn({ builtIn }: Config, name: string): boolean {
  if (name === "approvals") return builtIn.approvals !== undefined;
  return name === "notifications" && builtIn.notifications !== undefined;
}

function factsOf({ config, replicaId: id, startedAt }: KnowingParts): ReplicaFacts {
  const { retentionDays, reconcileIntervalMs } = config;
  const features = featuresOf(config);
  return { id, version: VERSION, startedAt, features, retentionDays, reconcileIntervalMs };
}

function featuresOf({ auth, tls, reflection, metricsPort, retentionDays, builtIn }: Config) {
  const switches: readonly (readonly [name: string, isOn: boolean])[] = [
    [`auth_${auth.mode}`, auth.mode !== "none"],
    ["tls", tls !== undefined],
    ["mutual_tls", tls?.clientCa !== undefined],
    ["reflection", reflection],
    ["metrics_port", metricsPort !== undefined],
    ["retention", retentionDays > 0],
    ["builtin_approvals", builtIn.approvals !== undefined],
    ["builtin_notifications", builtIn.notifications !== undefined],
  ];
  return switches.flatMap(([name, isOn]) => (isOn ? [name] : []));
}
