/**
 * The guard before every RPC when authentication is on: who calls, and whether they may.
 * Boundary: reads the bearer token; who is behind it is asked of `callers`, which scope an RPC needs of scopes.ts.
 * Invariants:
 * 1. Default deny: an RPC of a service that is not open passes only with a scope that the table names.
 * 2. The token is handed to `callers` and nowhere else: no log line and no error holds it.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import type { Caller, Callers, Scope } from "../../collaborators/identity/callers.ts";
import { count } from "../../process/metrics.ts";
import { Refusal } from "../../process/refusal.ts";
import { scopeOf } from "./scopes.ts";

/** Services that reveal nothing of any workspace. */
const OPEN: ReadonlySet<string> = new Set(
  [Health, ServerReflection, ServerReflectionAlpha].map(({ typeName }) => typeName),
);
/** Kinds whose request is one message, which is not read before its caller is known. */
const KINDS: ReadonlySet<DescMethod["methodKind"]> = new Set(["unary", "server_streaming"]);
/** RFC 6750; 8 KiB are room for every token there is. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

/** Who calls this method, by the headers alone; undefined where the method is open. Throws when the caller may not. */
export type Guard = (method: DescMethod, header: Headers) => Promise<Caller | undefined>;

/** Lets a call pass when its caller may make it. It is asked before a byte of the body is read. */
export function createGuard(callers: Callers): Guard {
  return async (method, header) => {
    const { typeName } = method.parent;
    if (OPEN.has(typeName)) return undefined;
    const needed = scopeOf(method);
    if (needed === undefined || !KINDS.has(method.methodKind)) {
      throw new Error(`${typeName}.${method.name} has no scope and is closed`);
    }
    const caller = await requireCaller(callers, header);
    requireScope(caller, needed);
    return caller;
  };
}

/** Refuses permission_denied, naming the scope, when the caller has it not. */
export function requireScope({ scopes }: Caller, scope: Scope): void {
  if (scopes.has(scope)) return;
  count("workflows_callers_refused_total", { reason: "scope" });
  throw new Refusal("permission_denied", `the token lacks the scope ${scope}`, { scope });
}

/** The caller of the bearer token. Refuses unauthenticated where there is none that is good. */
export async function requireCaller(callers: Callers, header: Headers): Promise<Caller> {
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
