/**
 * Sign-in at an OIDC provider: the code flow with PKCE, as a public client.
 * Boundary: the protocol is of oauth4webapi. What must outlive the way there and back is in the storage of this tab.
 */
import * as oauth from "oauth4webapi";
import { paths } from "../paths.ts";
import { BASE } from "./base.ts";
import type { OidcConfig } from "./config.ts";
import type { Grant } from "./session.ts";
import { keep, kept } from "./storage.ts";

const PENDING = "workflows.sign-in";
const SCOPE = "openid profile email";
/** Asks for a refresh token. A provider that does not list it may refuse it. */
const LASTING = "offline_access";
/** A provider that answers later does not answer: pages wait for it before they call. */
const WITHIN_MS = 5_000;

interface Pending {
  readonly verifier: string;
  readonly state: string;
  /** The address, below the base, at which the sign-in began. */
  readonly returnTo: string;
}

/** Whether the provider has sent the browser back to this address. */
export function isReturn(path: string): boolean {
  return path === paths.signedIn;
}

/** Leaves for the provider, to come back to an address below the base. Rejects when it cannot be asked. */
export async function beginSignIn(config: OidcConfig, returnTo: string): Promise<void> {
  if (crypto.subtle === undefined) {
    throw new Error("The browser signs in only on pages that come by HTTPS, or from this machine.");
  }
  const server = await discover(config);
  if (server.authorization_endpoint === undefined) {
    throw new Error("The provider names no address to sign in at.");
  }
  const pending: Pending = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    returnTo,
  };
  const url = new URL(server.authorization_endpoint);
  const asked = {
    client_id: config.clientId,
    redirect_uri: redirectUri(),
    response_type: "code",
    scope: server.scopes_supported?.includes(LASTING) ? `${SCOPE} ${LASTING}` : SCOPE,
    // Providers that do not know it leave it.
    audience: config.audience,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: "S256",
    state: pending.state,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  if (!keep("tab", PENDING, JSON.stringify(pending))) {
    throw new Error("The browser keeps nothing for this page, and a sign-in must outlive it.");
  }
  location.assign(url);
}

/** The grant for the code in the address of this page, and where the sign-in began. Rejects when there is none. */
export async function endSignIn(
  config: OidcConfig,
): Promise<{ readonly grant: Grant; readonly returnTo: string }> {
  const pending = kept("tab", PENDING);
  keep("tab", PENDING, "");
  if (pending === undefined) {
    throw new Error("This sign-in was not begun in this tab. Begin it again.");
  }
  const { verifier, state, returnTo }: Pending = JSON.parse(pending);
  const server = await discover(config);
  const client = { client_id: config.clientId };
  const answer = oauth.validateAuthResponse(server, client, new URL(location.href), state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    answer,
    redirectUri(),
    verifier,
    options(config),
  );
  const answered = await oauth.processAuthorizationCodeResponse(server, client, response);
  return { grant: grantOf(answered, ""), returnTo };
}

/** The next grant for a refresh token. Rejects when the provider does not give one. */
export async function renewGrant(config: OidcConfig, refreshToken: string): Promise<Grant> {
  const server = await discover(config);
  const client = { client_id: config.clientId };
  const response = await oauth.refreshTokenGrantRequest(
    ...([server, client, oauth.None(), refreshToken, options(config)] as const),
  );
  return grantOf(await oauth.processRefreshTokenResponse(server, client, response), refreshToken);
}

/** A provider may leave the refresh token as it was. */
function grantOf(answer: oauth.TokenEndpointResponse, refreshToken: string): Grant {
  const { access_token: token, refresh_token: next = refreshToken, expires_in: seconds } = answer;
  const endsAtMs = seconds === undefined ? 0 : Date.now() + seconds * 1_000;
  return { token, refreshToken: next, endsAtMs };
}

/** What the provider says of itself, asked for once. */
let discovered: Promise<oauth.AuthorizationServer> | undefined;

function discover(config: OidcConfig): Promise<oauth.AuthorizationServer> {
  discovered ??= askServer(config).catch((error: unknown) => {
    discovered = undefined;
    throw error;
  });
  return discovered;
}

async function askServer(config: OidcConfig): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(config.issuer);
  const response = await oauth.discoveryRequest(issuer, options(config));
  return oauth.processDiscoveryResponse(issuer, response);
}

/** Of one request. A provider without TLS is one that somebody tries on their machine: the service was told its address. */
function options({ issuer }: OidcConfig) {
  return {
    [oauth.allowInsecureRequests]: issuer.startsWith("http:"),
    signal: AbortSignal.timeout(WITHIN_MS),
  };
}

function redirectUri(): string {
  return `${location.origin}${BASE}${paths.signedIn}`;
}
