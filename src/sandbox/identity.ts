/**
 * The identity service: which tokens are good, and for whom.
 *
 * Boundary: one RPC over the script. A script without tokens knows none: unlike the other
 * collaborators it is never generous. A token that ran out and one that was never issued get
 * one answer, without further facts.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type IntrospectResponse,
  IntrospectResponseSchema,
  TokenService,
} from "../../gen/identity/v1/tokens_pb.ts";
import type { ScriptedToken } from "./script.ts";
import type { Routes, Stage } from "./stage.ts";

/** TokenService. Tokens are not issued here. */
export function serveIdentity({ script }: Stage): Routes {
  const startedAtMs = Date.now();
  return (router) =>
    router.service(TokenService, {
      introspect({ token }) {
        const found = script.tokens?.find((one) => one.token === token);
        return found === undefined ? noToken() : renderToken(found, startedAtMs);
      },
    });
}

function renderToken(found: ScriptedToken, issuedAtMs: number): IntrospectResponse {
  const { subject, workspaceId, scopes, lastsMs, revoked } = found;
  const expiresAtMs = issuedAtMs + (lastsMs ?? Number.POSITIVE_INFINITY);
  if (revoked === true || expiresAtMs <= Date.now()) return noToken();
  return create(IntrospectResponseSchema, {
    active: true,
    subject,
    tokenType: "access_token",
    organizationId: workspaceId,
    scopes: [...scopes],
    issuedAt: timestampFromMs(issuedAtMs),
    ...(lastsMs === undefined ? {} : { expiresAt: timestampFromMs(expiresAtMs) }),
  });
}

function noToken(): IntrospectResponse {
  return create(IntrospectResponseSchema, { active: false });
}
