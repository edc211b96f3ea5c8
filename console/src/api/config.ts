/** What the service tells its console: `/console/config.json`. */
import { BASE } from "./base.ts";

/** How to sign in at an OIDC provider. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
}

/** The configuration of the page. The service has the same type in src/ingress/rpc/console/. */
export interface ConsoleConfig {
  /** Of the service. */
  readonly version: string;
  /** `none`: nobody signs in. */
  readonly authMode: "none" | "introspect" | "jwt";
  /** Unset: a token is pasted. */
  readonly oidc?: OidcConfig;
}

/** Asks the service. Rejects with words for the reader. */
export async function loadConfig(signal: AbortSignal): Promise<ConsoleConfig> {
  const response = await fetch(`${BASE}/config.json`, { signal, cache: "no-store" });
  if (!response.ok) throw new Error(`The service answered ${response.status} to config.json.`);
  return response.json();
}
