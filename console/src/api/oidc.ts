/**
 * Sign-in at an OIDC provider: the code flow with PKCE, as a public client.
 * Boundary: the protocol is of oauth4webapi. What must outlive the way there and back is in the storage of this tab.
 */
import * as oauth from "oauth4webapi";
import { paths } from "../paths.ts";
import { BASE } from "./base.ts";
import type { OidcConfig } from "./config.ts";

const PENDING = "workflows.sign-in";
const SCOPE = "openid profile email";

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
    scope: SCOPE,
    // Providers that do not know it leave it.
    audience: config.audience,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: "S256",
    state: pending.state,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  location.assign(url);
}

/** The token for the code in the address of this page, and where the sign-in began. Rejects when there is none. */
export async function endSignIn(
  config: OidcConfig,
): Promise<{ readonly token: string; readonly returnTo: string }> {
  const kept = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  if (kept === null) throw new Error("This sign-in was not begun in this tab. Begin it again.");
  const { verifier, state, returnTo }: Pending = JSON.parse(kept);
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
  const { access_token: token } = await oauth.processAuthorizationCodeResponse(
    server,
    client,
    response,
  );
  return { token, returnTo };
}

async function discover(config: OidcConfig): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(config.issuer);
  const response = await oauth.discoveryRequest(issuer, options(config));
  return oauth.processDiscoveryResponse(issuer, response);
}

/** A provider without TLS is one that somebody tries on their machine: the service was told its address. */
function options({ issuer }: OidcConfig) {
  return { [oauth.allowInsecureRequests]: issuer.startsWith("http:") };
}

function redirectUri(): string {
  return `${location.origin}${BASE}${paths.signedIn}`;
}
