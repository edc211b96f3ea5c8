/**
 * The settings of the door: where callers connect, and how they are authenticated.
 * Boundary: reads the variables; collaborators/identity/ authenticates.
 */
import { isIP } from "node:net";
import { type EnvironmentReader, optional } from "../environment.ts";

const AUTH_MODES = ["none", "introspect", "jwt"] as const;
const YES_NO = ["true", "false"] as const;
const LARGEST_PORT = 65_535;
const LOOPBACK = "127.0.0.1";

/** Where callers connect, and how they are authenticated. */
export interface DoorSettings {
  readonly host: string;
  readonly port: number;
  /** Unset: metrics are on the main port. */
  readonly metricsPort?: number;
  /** Contents of PEM files; unset: cleartext. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Origins whose pages may call from a browser; `*` alone is all of them. */
  readonly corsOrigins: readonly string[];
  readonly auth:
    | { readonly mode: "none" | "introspect" }
    | {
        readonly mode: "jwt";
        readonly issuer: string;
        readonly audience: string;
        readonly jwksUrl: string;
        readonly workspaceClaim: string;
        readonly agentClaim: string;
      };
}

/** The settings of the door, each fault noted in the reader. */
export function readDoor(reader: EnvironmentReader): DoorSettings {
  const host = reader.text("HOST") ?? LOOPBACK;
  const auth = readAuth(reader, host);
  return {
    host,
    ...readPorts(reader),
    ...readTls(reader),
    corsOrigins: readCorsOrigins(reader),
    auth,
  };
}

function readPorts(reader: EnvironmentReader): Pick<DoorSettings, "port" | "metricsPort"> {
  const ports = { least: 0, most: LARGEST_PORT };
  const port = reader.whole("PORT", 8080, ports);
  const metricsPort = reader.has("METRICS_PORT")
    ? reader.whole("METRICS_PORT", 0, ports)
    : undefined;
  if (metricsPort === port && port !== 0) {
    reader.fault(
      "METRICS_PORT",
      `is ${port}, which is PORT; leave it unset for metrics on that port`,
    );
  }
  return { port, ...optional("metricsPort", metricsPort) };
}

function readCorsOrigins(reader: EnvironmentReader): string[] {
  const origins = reader.list("CORS_ORIGINS", false);
  if (origins.includes("*") && origins.length > 1) {
    reader.fault("CORS_ORIGINS", "has * among other origins; * stands alone");
  }
  for (const origin of origins) {
    if (origin === "*" || isOrigin(origin)) continue;
    reader.fault(
      "CORS_ORIGINS",
      `has ${origin}, which is no origin such as https://app.example.com`,
    );
  }
  return origins;
}

/** As browsers write it: scheme, host and port, without a path. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

function readTls(reader: EnvironmentReader): Pick<DoorSettings, "tls"> {
  const cert = reader.file("TLS_CERT_FILE");
  const key = reader.file("TLS_KEY_FILE");
  const clientCa = reader.file("TLS_CLIENT_CA_FILE");
  if (reader.has("TLS_CERT_FILE") !== reader.has("TLS_KEY_FILE")) {
    reader.fault("TLS_CERT_FILE", "and TLS_KEY_FILE must be set together");
  }
  if (reader.has("TLS_CLIENT_CA_FILE") && !reader.has("TLS_CERT_FILE")) {
    reader.fault("TLS_CLIENT_CA_FILE", "needs TLS_CERT_FILE and TLS_KEY_FILE");
  }
  if (cert === undefined || key === undefined) return {};
  return { tls: { cert, key, ...optional("clientCa", clientCa) } };
}

function readAuth(reader: EnvironmentReader, host: string): DoorSettings["auth"] {
  const mode = reader.choice("AUTH_MODE", AUTH_MODES, "none");
  const allowed = reader.choice("AUTH_ALLOW_NONE", YES_NO, "false") === "true";
  switch (mode) {
    case "none":
      if (!allowed && !isLoopback(host)) {
        reader.fault(
          "HOST",
          `is ${host}, which others can reach without authentication; use a loopback address, an AUTH_MODE, or AUTH_ALLOW_NONE=true`,
        );
      }
      return { mode };
    case "introspect":
      if (!reader.has("IDENTITY_URL")) {
        reader.fault("IDENTITY_URL", "is required by AUTH_MODE=introspect");
      }
      return { mode };
    case "jwt":
      return {
        mode,
        issuer: reader.required("JWT_ISSUER"),
        audience: reader.required("JWT_AUDIENCE"),
        jwksUrl: reader.url("JWKS_URL", ["http:", "https:"], true) ?? "",
        workspaceClaim: reader.text("JWT_WORKSPACE_CLAIM") ?? "org_id",
        agentClaim: reader.text("JWT_AGENT_CLAIM") ?? "agent_type",
      };
  }
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}
