/**
 * The guard before every RPC when authentication is on: who calls, whether they may, and for which workspace.
 * Boundary: reads the bearer token; who is behind it is asked of `callers`, which scope an RPC needs of scopes.ts.
 * Invariants:
 * 1. Default deny: an RPC of a service that is not open passes only with a scope that the table names.
 * 2. The token is handed to `callers` and nowhere else: no log line and no error holds it.
 */
import type { Interceptor } from "@connectrpc/connect";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Caller, Callers, Scope } from "../../runtime/callers.ts";
import { count } from "../../runtime/metrics.ts";
import { Refusal } from "../../runtime/refusal.ts";
import { callerOfCall, settleWorkspace } from "./call-workspace.ts";
import { scopeOf } from "./scopes.ts";

/** Services that tell nothing of any workspace. */
const OPEN: ReadonlySet<string> = new Set(
  [Health, ServerReflection, ServerReflectionAlpha].map(({ typeName }) => typeName),
);
/** RFC 6750; 8 KiB are room for every token there is. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

/** Lets a call pass when its caller may make it; the handler finds the caller under `callerOfCall`. */
export function createGuard(callers: Callers): Interceptor {
  return (next) => async (request) => {
    const { service, method, header, contextValues } = request;
    if (OPEN.has(service.typeName)) return next(request);
    const needed = scopeOf(method);
    if (needed === undefined || request.stream) {
      throw new Error(`${service.typeName}.${method.name} has no scope and is closed`);
    }
    const caller = await requireCaller(callers, header);
    requireScope(caller, needed);
    settleWorkspace(method.input, request.message, caller);
    contextValues.set(callerOfCall, caller);
    return next(request);
  };
}

/** Refuses permission_denied, naming the scope, when the caller has it not. */
export function requireScope({ scopes }: Caller, scope: Scope): void {
  if (scopes.has(scope)) return;
  count("workflows_callers_refused_total", { reason: "scope" });
  throw new Refusal("permission_denied", `the token lacks the scope ${scope}`, { scope });
}

async function requireCaller(callers: Callers, header: Headers): Promise<Caller> {
  const sent = header.get("authorization");
  if (sent === null) throw unauthenticated("no_token", "an Authorization header is required");
  const token = BEARER.exec(sent)?.[1];
  if (token === undefined) {
    throw unauthenticated("malformed", "the Authorization header holds no bearer token");
  }
  const caller = await callers.find(token);
  if (caller === undefined)
    throw unauthenticated("unknown", "the token is not valid, or no longer");
  return caller;
}

function unauthenticated(reason: string, message: string): Refusal {
  count("workflows_callers_refused_total", { reason });
  return new Refusal("unauthenticated", message);
}
