/**
 * The service's settings, read from the environment once, at start.
 * Boundary: the only reader of process.env; nothing later asks the environment again. Settings with rules of their own are
 * read in settings/.
 * Invariant: every fault is reported at once, one line each, and names its variable. An empty value is an unset one.
 */
import { readFileSync } from "node:fs";
import { COLLABORATORS, type CollaboratorName } from "./collaborators/names.ts";
import { type Environment, EnvironmentReader, optional } from "./environment.ts";
import { LOG_LEVELS, type LogFormat, type LogLevel } from "./process/log.ts";
import { type BuiltInSettings, describeBuiltIn, readBuiltIn } from "./settings/built-in.ts";
import { type BusSettings, type NatsSettings, readBus, readNats } from "./settings/bus.ts";
import { type ConsoleSettings, readConsole } from "./settings/console.ts";
import { type DoorSettings, readDoor } from "./settings/door.ts";
import { describeEndpoints, type EndpointSettings, readEndpoints } from "./settings/endpoints.ts";
import { MASK, maskUrl } from "./settings/mask.ts";
import { readOrigins } from "./settings/origins.ts";

const PROTOCOLS = ["connect", "grpc", "grpc-web"] as const;
const LOG_FORMATS = ["json", "pretty"] as const satisfies readonly LogFormat[];
const SWITCH = ["on", "off"] as const;

/** Everything that can be set. */
export interface Config extends DoorSettings {
  readonly databaseUrl: string;
  /** False: a schema that is too old stops the service. */
  readonly migrate: boolean;
  readonly nats: NatsSettings;
  readonly bus: BusSettings;
  readonly collaborators: {
    /** Base URLs of those that are configured, without a slash at the end. */
    readonly urls: Readonly<Partial<Record<CollaboratorName, string>>>;
    readonly protocol: (typeof PROTOCOLS)[number];
    readonly timeoutMs: number;
    /** Open calls per collaborator. */
    readonly concurrency: number;
    readonly token?: string;
  };
  /** The owners that the process serves itself. */
  readonly builtIn: BuiltInSettings;
  /** Unset: there is no console. */
  readonly console?: ConsoleSettings;
  readonly endpoints: EndpointSettings;
  /** Origins of URLs that hooks may be asked at. */
  readonly hookOrigins: readonly string[];
  readonly reconcileIntervalMs: number;
  /** How many days runs are kept after their end; 0: for ever. */
  readonly retentionDays: number;
  readonly reflection: boolean;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Where traces and metrics shall go by OTLP: not available yet, which the log says when it is set. */
  readonly otlpEndpoint?: string;
}

/** Settings, or every fault of the environment as one line each. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: string[] };

const LARGEST_TIMEOUT_MS = 600_000;
const SHORTEST_RECONCILE_MS = 1_000;
const LONGEST_RECONCILE_MS = 86_400_000;
const LONGEST_RETENTION_DAYS = 36_500;
const LARGEST_CONCURRENCY = 10_000;

/**
 * Reads all settings, from the process's environment unless another is given; `readFile` gives the text of a file that
 * a variable names.
 */
export function readConfig(
  env: Environment = process.env,
  readFile: (path: string) => string = (path) => readFileSync(path, "utf8"),
): ConfigResult {
  const reader = new EnvironmentReader(env, readFile);
  const door = readDoor(reader);
  const bus = readBus(reader);
  const builtIn = readBuiltIn(reader, bus.sources);
  const config: Config = {
    ...door,
    databaseUrl: readDatabaseUrl(reader),
    migrate: reader.choice("MIGRATE", SWITCH, "on") === "on",
    nats: readNats(reader),
    bus,
    collaborators: readCollaborators(reader, builtIn),
    builtIn,
    ...optional("console", readConsole(reader, door.auth)),
    endpoints: readEndpoints(reader),
    hookOrigins: readOrigins(reader, "HOOKS_ORIGINS"),
    reconcileIntervalMs: reader.whole("RECONCILE_INTERVAL_MS", 60_000, {
      least: SHORTEST_RECONCILE_MS,
      most: LONGEST_RECONCILE_MS,
    }),
    retentionDays: reader.whole("RETENTION_DAYS", 90, { least: 0, most: LONGEST_RETENTION_DAYS }),
    // The schema is no secret, but with authentication nothing answers unasked.
    reflection:
      reader.choice("REFLECTION", SWITCH, door.auth.mode === "none" ? "on" : "off") === "on",
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
  const { tls, nats, collaborators, databaseUrl, auth, builtIn, ...others } = config;
  const { endpoints, ...plain } = others;
  return {
    ...plain,
    builtIn: describeBuiltIn(builtIn),
    endpoints: describeEndpoints(endpoints),
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

function readCollaborators(
  reader: EnvironmentReader,
  builtIn: BuiltInSettings,
): Config["collaborators"] {
  const urls: Partial<Record<CollaboratorName, string>> = {};
  for (const name of COLLABORATORS) {
    const isBuiltIn = name === "approvals" || name === "notifications";
    if (isBuiltIn && builtIn[name] !== undefined) continue;
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
