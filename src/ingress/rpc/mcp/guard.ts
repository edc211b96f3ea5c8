/**
 * What stands before the Model Context Protocol: which pages and hosts a request may come from, and what a client is told of tokens.
 * Boundary: headers to words; who a token is, is guard.ts's of the RPCs.
 * Invariants:
 * 1. A page of another origin is refused unless CORS_ORIGINS names it, whatever it sends.
 * 2. Without authentication the host is an address, localhost or that of PUBLIC_URL: a name that a foreign page has made to stand for
 *    this address is refused.
 */
import { isIP } from "node:net";
import { Refusal } from "../../../process/refusal.ts";

/** How the service is reached. */
export interface McpGuardSettings {
  readonly isAuthenticated: boolean;
  /** Without a slash at its end; "": not known. */
  readonly publicUrl: string;
  /** As CORS_ORIGINS has them. */
  readonly corsOrigins: readonly string[];
  /** Who signs tokens; undefined: not by JWT. */
  readonly issuer: string | undefined;
  readonly isTls: boolean;
}

/** The headers that are looked at. */
export interface McpHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  /** The path that a proxy takes off; none unless given. */
  readonly prefix?: string;
}

/** Where the protocol is served. */
export const MCP_PATH = "/mcp";
/** RFC 9728: of the whole service, and of the path. */
export const METADATA_PATHS: readonly string[] = [
  "/.well-known/oauth-protected-resource",
  `/.well-known/oauth-protected-resource${MCP_PATH}`,
];
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

/** Refuses a host or a page that may not reach the tools. */
export function requirePlace(settings: McpGuardSettings, { host, origin }: McpHeaders): void {
  const name = nameOf(host);
  if (name === undefined) throw refused("the request names no host");
  if (!settings.isAuthenticated && !isOwnHost(settings, name)) {
    throw refused(`the host ${name} is not known here; PUBLIC_URL names the one of this service`);
  }
  if (origin !== undefined && !isKnownOrigin(settings, host ?? "", origin)) {
    throw refused("pages of this origin may not call; CORS_ORIGINS names those that may");
  }
}

/** The address of the service, as its callers see it. */
export function baseUrlOf(
  { publicUrl, isTls }: McpGuardSettings,
  { host, prefix = "" }: McpHeaders,
): string {
  if (publicUrl !== "") return publicUrl;
  return `${isTls ? "https" : "http"}://${host ?? "localhost"}${prefix}`;
}

/** What RFC 9728 says of a resource; undefined: tokens are not from an issuer that clients could ask. */
export function resourceMetadata(
  settings: McpGuardSettings,
  headers: McpHeaders,
  scopes: readonly string[],
): Record<string, unknown> | undefined {
  if (settings.issuer === undefined) return undefined;
  return {
    resource: `${baseUrlOf(settings, headers)}${MCP_PATH}`,
    authorization_servers: [settings.issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ["header"],
    resource_name: "workflows",
  };
}

/** WWW-Authenticate: where a client finds who gives it a token, and what was wrong with the one that it had. */
export function challengeOf(
  settings: McpGuardSettings,
  headers: McpHeaders,
  error?: { readonly code: "invalid_token" | "insufficient_scope"; readonly scope?: string },
): string {
  const parts = [
    ...(error === undefined ? [] : [`error="${error.code}"`]),
    ...(error?.scope === undefined ? [] : [`scope="${error.scope}"`]),
    ...(settings.issuer === undefined
      ? []
      : [`resource_metadata="${baseUrlOf(settings, headers)}${METADATA_PATHS[1]}"`]),
  ];
  return parts.length === 0 ? "Bearer" : `Bearer ${parts.join(", ")}`;
}

function nameOf(host: string | undefined): string | undefined {
  return HOST.exec(host ?? "")?.[1]?.toLowerCase();
}

function isOwnHost({ publicUrl }: McpGuardSettings, name: string): boolean {
  if (name === "localhost" || isIP(name.replaceAll(/[[\]]/g, "")) !== 0) return true;
  return publicUrl !== "" && URL.canParse(publicUrl) && new URL(publicUrl).hostname === name;
}

function isKnownOrigin(settings: McpGuardSettings, host: string, origin: string): boolean {
  const { corsOrigins, publicUrl } = settings;
  if (corsOrigins.includes("*") || corsOrigins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== "http:" && page.protocol !== "https:") return false;
  if (publicUrl !== "" && URL.canParse(publicUrl) && new URL(publicUrl).origin === page.origin)
    return true;
  return page.host === host.toLowerCase();
}

function refused(words: string): Refusal {
  return new Refusal("permission_denied", words);
}
