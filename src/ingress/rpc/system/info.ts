/** System.Get and WhoAmI. Boundary: reads; what the replica is and who calls is known before. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  BreakerState,
  type SystemGetRequest,
  type WhoAmIRequest,
} from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { SCOPES } from "../../../collaborators/identity/callers.ts";
import { DEFAULT_VERSION_LIMITS } from "../../../engine/graph/check-limits.ts";
import { MAX_PAYLOAD_BYTES } from "../../../engine/values/limits.ts";
import { Refusal } from "../../../process/refusal.ts";
import type { CollaboratorSeen, ReplicaView } from "../../../runtime/replica-view.ts";
import { COUNT_LIMIT } from "../../../store/reads/page.ts";
import { actorOf } from "../actor.ts";
import { MAX_MESSAGE_BYTES } from "../decoding-faults.ts";
import { PAGE_LIMIT } from "../fields.ts";
import { rpcsOf } from "../scopes.ts";
import type { WriteDeps } from "../service-deps.ts";

const LIMITS = {
  payloadBytes: MAX_PAYLOAD_BYTES,
  requestBytes: MAX_MESSAGE_BYTES,
  stepsOfVersion: DEFAULT_VERSION_LIMITS.maxSteps,
  edgesOfVersion: DEFAULT_VERSION_LIMITS.maxEdges,
  pageSize: PAGE_LIMIT,
  totalSize: COUNT_LIMIT,
};

/** Get. */
export function getSystemWith(replica: ReplicaView | undefined) {
  return async (_deps: object, _request: SystemGetRequest) => {
    const { facts, collaborators } = requireView(replica);
    const { id: replicaId, version, startedAt, retentionDays, reconcileIntervalMs } = facts;
    const system = {
      version,
      replicaId,
      startedAt: timestampFromDate(startedAt),
      features: [...facts.features],
      limits: { ...LIMITS, retentionDays, reconcileSeconds: reconcileIntervalMs / 1_000 },
      collaborators: collaborators().map(collaboratorMessage),
    };
    return { system };
  };
}

/** WhoAmI. */
export async function answerWhoAmI(
  deps: Pick<WriteDeps, "caller" | "actor">,
  _request: WhoAmIRequest,
) {
  const { caller } = deps;
  const scopes = caller?.scopes ?? new Set(SCOPES);
  return {
    authenticated: caller !== undefined,
    subject: actorOf(deps) ?? "",
    workspaceId: caller?.workspaceId ?? "",
    scopes: SCOPES.filter((scope) => scopes.has(scope)),
    isAgent: caller?.isAgent ?? false,
    rpcs: rpcsOf(scopes),
  };
}

/** The view of the replica; unavailable where a server was started without one. */
export function requireView(replica: ReplicaView | undefined): ReplicaView {
  if (replica !== undefined) return replica;
  throw new Refusal("unavailable", "the replica knows nothing of itself yet");
}

function collaboratorMessage(seen: CollaboratorSeen) {
  const { name, isConfigured, isBuiltIn, breakerRestMs } = seen;
  const state = breakerRestMs === undefined ? BreakerState.CLOSED : BreakerState.OPEN;
  return {
    name,
    configured: isConfigured,
    builtIn: isBuiltIn,
    breaker: isConfigured ? state : BreakerState.UNSPECIFIED,
    retryInSeconds: (breakerRestMs ?? 0) / 1_000,
  };
}
