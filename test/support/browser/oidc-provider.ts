/**
 * An OIDC provider that signs everybody in at once: the code flow with PKCE, without a page of its own.
 * Boundary: the provider's side of the protocol; it refuses what a browser must not send.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A provider that runs. */
export interface OidcProvider {
  readonly issuer: string;
  /** The queries of the sign-ins that were begun. */
  readonly asked: URLSearchParams[];
  /** The refresh tokens that were given back. */
  readonly renewals: string[];
  stop(): Promise<void>;
}

/** How long its tokens are good, and whether they can be renewed: `token` gives the first one and each next one. */
export interface OidcTokens {
  readonly token: () => string;
  readonly lifeSeconds: number;
  readonly isRenewed: boolean;
}

/** Starts a provider whose every code, and every refresh token, is good for a token, once. */
export async function startOidcProvider({
  token,
  lifeSeconds,
  isRenewed,
}: OidcTokens): Promise<OidcProvider> {
  const asked: URLSearchParams[] = [];
  const renewals: string[] = [];
  const refreshTokens = new Set<string>();
  const challenges = new Map<string, string>();
  let issuer = "";
  const authorize = (query: URLSearchParams, response: ServerResponse) => {
    asked.push(query);
    const code = randomBytes(8).toString("hex");
    challenges.set(code, query.get("code_challenge") ?? "");
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("code", code);
    back.searchParams.set("state", query.get("state") ?? "");
    response.writeHead(302, { location: back.href }).end();
  };
  const exchange = async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    const code = form.get("code") ?? "";
    const hash = createHash("sha256").update(form.get("code_verifier") ?? "");
    const old = form.get("refresh_token") ?? "";
    const isRenewal = form.get("grant_type") === "refresh_token";
    const isGood = isRenewal
      ? refreshTokens.delete(old)
      : challenges.get(code) === hash.digest("base64url");
    challenges.delete(code);
    if (isRenewal) renewals.push(old);
    if (!isGood) return sendJson(response, 400, { error: "invalid_grant" });
    const next = randomBytes(8).toString("hex");
    refreshTokens.add(next);
    sendJson(response, 200, {
      ...{ access_token: token(), token_type: "Bearer", expires_in: lifeSeconds },
      ...(isRenewed ? { refresh_token: next } : {}),
    });
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", issuer);
    if (request.method === "OPTIONS") return sendJson(response, 204, undefined);
    if (url.pathname === "/authorize") return authorize(url.searchParams, response);
    if (url.pathname === "/token") return void exchange(request, response);
    sendJson(response, 200, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      code_challenge_methods_supported: ["S256"],
      ...(isRenewed ? { scopes_supported: ["openid", "offline_access"] } : {}),
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    asked,
    renewals,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object | undefined): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "*",
  });
  response.end(body === undefined ? "" : JSON.stringify(body));
}
