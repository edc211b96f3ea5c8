/**
 * The service's settings, read from the environment once, at start.
 * Boundary: the only reader of process.env; nothing later asks the environment again.
 * Invariant: every fault is reported at once, one line each, and names its variable. An empty value is an unset one.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type Environment, EnvironmentReader, optional } from "./environment.ts";
import { LOG_LEVELS, type LogFormat, type LogLevel } from "./process/log.ts";

/** Collaborators by the name of their variable without `_URL`, in lower case. */
const COLLABORATORS = [
  "objectives",
  "agents",
  "registry",
  "approvals",
  "governance",
  "notifications",
  "meter",
  "prompts",
  "skills",
  "entities",
  "identity",
] as const;
/** One collaborator's name. */
type CollaboratorName = (typeof COLLABORATORS)[number];

const PROTOCOLS = ["connect", "grpc", "grpc-web"] as const;
const AUTH_MODES = ["none", "introspect", "jwt"] as const;
const BUS_FORMATS = ["cloudevents", "ensemble-json", "ensemble-protobuf"] as const;
const LOG_FORMATS = ["json", "pretty"] as const satisfies readonly LogFormat[];
const SWITCH = ["on", "off"] as const;
const YES_NO = ["true", "false"] as const;

/** One subject of one stream that events are taken from. */
interface BusSource {
  readonly stream: string;
  readonly subject: string;
}

/** Everything that can be set. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Unset: metrics are on the main port. */
  readonly metricsPort?: number;
  /** Contents of PEM files; unset: cleartext. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Origins whose pages may call from a browser; `*` alone is all of them. */
  readonly corsOrigins: readonly string[];
  readonly databaseUrl: string;
  /** False: a schema that is too old stops the service. */
  readonly migrate: boolean;
  readonly nats: {
    readonly servers: readonly string[];
    readonly credsFile?: string;
    readonly user?: string;
    readonly password?: string;
    readonly token?: string;
  };
  readonly bus: {
    readonly sources: readonly BusSource[];
    /** Whether source streams that are missing are created. */
    readonly createStreams: boolean;
    readonly stream: string;
    /** Limits of the streams that the service makes; `maxAgeMs` 0: messages do not expire. */
    readonly limits: {
      readonly maxAgeMs: number;
      readonly maxBytes?: number;
      readonly replicas: number;
    };
    readonly format: (typeof BUS_FORMATS)[number];
  };
  readonly collaborators: {
    /** Base URLs of those that are configured, without a slash at the end. */
    readonly urls: Readonly<Partial<Record<CollaboratorName, string>>>;
    readonly protocol: (typeof PROTOCOLS)[number];
    readonly timeoutMs: number;
    /** Open calls per collaborator. */
    readonly concurrency: number;
    readonly token?: string;
  };
  readonly reconcileIntervalMs: number;
  /** How many days runs are kept after their end; 0: for ever. */
  readonly retentionDays: number;
  readonly auth:
    | { readonly mode: "none" | "introspect" }
    | {
        readonly mode: "jwt";
        readonly issuer: string;
        readonly audience: string;
        readonly jwksUrl: string;
        readonly workspaceClaim: string;
      };
  readonly reflection: boolean;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Where traces and metrics shall go by OTLP: not available yet, which the log says when it is set. */
  readonly otlpEndpoint?: string;
}

/** Settings, or every fault of the environment as one line each. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: string[] };

const DEFAULT_SOURCES =
  "OBJECTIVES=objectives.changes.>,APPROVALS=approvals.changes.>,GOVERNANCE=governance.changes.>," +
  "AGENTS=agents.changes.>,SIPHON=siphon.tap.>,WORKFLOWS=workflows.changes.run.>";
const LARGEST_PORT = 65_535;
const LARGEST_TIMEOUT_MS = 600_000;
const SHORTEST_RECONCILE_MS = 1_000;
const LONGEST_RECONCILE_MS = 86_400_000;
const LONGEST_RETENTION_DAYS = 36_500;
const LARGEST_CONCURRENCY = 10_000;
const SEVEN_DAYS_MS = 7 * 86_400_000;
/** JetStream takes no more. */
const MOST_STREAM_REPLICAS = 5;
const MASK = "***";

/**
 * Reads all settings, from the process's environment unless another is given; `readFile` gives the text of a file that
 * a variable names.
 */
export function readConfig(
  env: Environment = process.env,
  readFile: (path: string) => string = (path) => readFileSync(path, "utf8"),
): ConfigResult {
  const reader = new EnvironmentReader(env, readFile);
  const auth = readAuth(reader);
  const config: Config = {
    ...readListener(reader),
    corsOrigins: readCorsOrigins(reader),
    databaseUrl: readDatabaseUrl(reader),
    migrate: reader.choice("MIGRATE", SWITCH, "on") === "on",
    nats: readNats(reader),
    bus: readBus(reader),
    collaborators: readCollaborators(reader),
    reconcileIntervalMs: reader.whole("RECONCILE_INTERVAL_MS", 60_000, {
      least: SHORTEST_RECONCILE_MS,
      most: LONGEST_RECONCILE_MS,
    }),
    retentionDays: reader.whole("RETENTION_DAYS", 90, { least: 0, most: LONGEST_RETENTION_DAYS }),
    auth,
    // The schema is no secret, but with authentication nothing answers unasked.
    reflection: reader.choice("REFLECTION", SWITCH, auth.mode === "none" ? "on" : "off") === "on",
    log: {
      level: reader.choice("LOG_LEVEL", LOG_LEVELS, "info"),
      format: reader.choice("LOG_FORMAT", LOG_FORMATS, "json"),
    },
    ...optional("otlpEndpoint", reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"])),
  };
  return reader.faults.length === 0
    ? { ok: true, config }
    : { ok: false, faults: [...reader.faults] };
}

/** The settings as facts for the log, with every secret masked. */
export function describeConfig(config: Config): Record<string, unknown> {
  const { tls, nats, collaborators, databaseUrl, auth, ...plain } = config;
  return {
    ...plain,
    auth: auth.mode === "jwt" ? { ...auth, jwksUrl: maskUrl(auth.jwksUrl) } : auth,
    tls: tls === undefined ? "off" : tls.clientCa === undefined ? "on" : "mutual",
    databaseUrl: maskUrl(databaseUrl),
    nats: {
      ...nats,
      servers: nats.servers.map(maskUrl),
      ...(nats.password === undefined ? {} : { password: MASK }),
      ...(nats.token === undefined ? {} : { token: MASK }),
    },
    collaborators: {
      ...collaborators,
      urls: Object.fromEntries(
        Object.entries(collaborators.urls).map(([name, url]) => [name, maskUrl(url)]),
      ),
      ...(collaborators.token === undefined ? {} : { token: MASK }),
    },
  };
}

/** One server, also by its socket: `postgres://user@/name?host=/folder`. */
function readDatabaseUrl(reader: EnvironmentReader): string {
  const text = reader.text("DATABASE_URL") ?? "";
  const [, authority = "", query = ""] =
    /^postgres(?:ql)?:\/\/([^/?]*)[^?]*\??(.*)$/s.exec(text) ?? [];
  const hosts = [authority.replace(/^.*@/, ""), ...new URLSearchParams(query).getAll("host")];
  if (hosts.length > 2 || hosts.some((host) => host.includes(","))) {
    reader.fault("DATABASE_URL", "names several hosts; it must name one");
    return text;
  }
  if (/^postgres(ql)?:\/\/([^/?]*@)?\/[^?]*\?(.*&)?host=(\/|%2f)/i.test(text)) return text;
  return reader.url("DATABASE_URL", ["postgres:", "postgresql:"], true) ?? "";
}

function readListener(
  reader: EnvironmentReader,
): Pick<Config, "host" | "port" | "metricsPort" | "tls"> {
  const host = reader.text("HOST") ?? "127.0.0.1";
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
  return { host, port, ...optional("metricsPort", metricsPort), ...readTls(reader) };
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

function readTls(reader: EnvironmentReader): Pick<Config, "tls"> {
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

function readAuth(reader: EnvironmentReader): Config["auth"] {
  const mode = reader.choice("AUTH_MODE", AUTH_MODES, "none");
  const allowed = reader.choice("AUTH_ALLOW_NONE", YES_NO, "false") === "true";
  const host = reader.text("HOST") ?? "127.0.0.1";
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
      };
  }
}

function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

function readNats(reader: EnvironmentReader): Config["nats"] {
  const servers = reader.list("NATS_URL", true);
  for (const server of servers) {
    const url = server.includes("://") ? server : `nats://${server}`;
    const { protocol, host } = URL.canParse(url) ? new URL(url) : { protocol: "", host: "" };
    if (!["nats:", "tls:"].includes(protocol) || host === "") {
      reader.fault("NATS_URL", `has ${maskUrl(server)}, which is no nats:// or tls:// address`);
    }
  }
  if (reader.has("NATS_USER") !== reader.has("NATS_PASSWORD")) {
    reader.fault("NATS_USER", "and NATS_PASSWORD must be set together");
  }
  // Read once here, so that a missing or wrong file is reported at start.
  const creds = reader.file("NATS_CREDS_FILE");
  if (creds !== undefined && creds.split(/^-{3,}BEGIN [^\n]*-{3,}$/m).length < 3) {
    reader.fault("NATS_CREDS_FILE", "names a file that is no NATS credentials (a JWT and a seed)");
  }
  return {
    servers,
    ...optional("credsFile", reader.text("NATS_CREDS_FILE")),
    ...optional("user", reader.text("NATS_USER")),
    ...optional("password", reader.text("NATS_PASSWORD")),
    ...optional("token", reader.text("NATS_TOKEN")),
  };
}

function readBus(reader: EnvironmentReader): Config["bus"] {
  const stream = reader.text("BUS_STREAM") ?? "WORKFLOWS";
  if (!isStreamName(stream)) reader.fault("BUS_STREAM", `${stream} is no name of a stream`);
  return {
    sources: readSources(reader),
    createStreams: reader.choice("BUS_CREATE_STREAMS", YES_NO, "false") === "true",
    stream,
    limits: {
      maxAgeMs: reader.duration("BUS_STREAM_MAX_AGE", SEVEN_DAYS_MS, {
        least: "1m",
        most: "3650d",
      }),
      ...optional(
        "maxBytes",
        reader.bytes("BUS_STREAM_MAX_BYTES", { least: "1MiB", most: "1024TiB" }),
      ),
      replicas: reader.whole("BUS_STREAM_REPLICAS", 1, { least: 1, most: MOST_STREAM_REPLICAS }),
    },
    format: reader.choice("BUS_FORMAT", BUS_FORMATS, "cloudevents"),
  };
}

function readSources(reader: EnvironmentReader): BusSource[] {
  const parts = reader.has("BUS_SOURCES")
    ? reader.list("BUS_SOURCES", false)
    : DEFAULT_SOURCES.split(",");
  const seen = new Set<string>();
  return parts.map((part) => {
    const [stream = "", subject = "", ...rest] = part.split("=").map((text) => text.trim());
    if (rest.length > 0 || !isStreamName(stream) || !isSubject(subject)) {
      reader.fault("BUS_SOURCES", `has ${part}, which is not of the form STREAM=subject`);
    }
    if (seen.has(part)) reader.fault("BUS_SOURCES", `has ${part} twice`);
    seen.add(part);
    return { stream, subject };
  });
}

function isStreamName(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text);
}

function isSubject(text: string): boolean {
  const tokens = text.split(".");
  return tokens.every((token, index) => {
    if (token === ">") return index === tokens.length - 1;
    return token === "*" || /^[^\s*>]+$/.test(token);
  });
}

function readCollaborators(reader: EnvironmentReader): Config["collaborators"] {
  const urls: Partial<Record<CollaboratorName, string>> = {};
  for (const name of COLLABORATORS) {
    const url = reader.url(`${name.toUpperCase()}_URL`, ["http:", "https:"]);
    if (url !== undefined) urls[name] = url.replace(/\/+$/, "");
  }
  return {
    urls,
    protocol: reader.choice("COLLABORATOR_PROTOCOL", PROTOCOLS, "connect"),
    timeoutMs: reader.whole("COLLABORATOR_TIMEOUT_MS", 10_000, {
      least: 1,
      most: LARGEST_TIMEOUT_MS,
    }),
    concurrency: reader.whole("COLLABORATOR_CONCURRENCY", 64, {
      least: 1,
      most: LARGEST_CONCURRENCY,
    }),
    ...optional("token", reader.text("COLLABORATOR_TOKEN")),
  };
}

/** A URL without its password and without the values of its query. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) {
    return text.replace(/^[^@]*@/, `${MASK}@`).replace(/\?.*$/s, `?${MASK}`);
  }
  const url = new URL(text);
  if (url.password !== "") url.password = MASK;
  // nats://token@host: a user alone is a token.
  else if (url.username !== "" && /^(nats|tls):$/.test(url.protocol)) url.username = MASK;
  for (const key of new Set(url.searchParams.keys())) url.searchParams.set(key, MASK);
  return url.toString();
}
