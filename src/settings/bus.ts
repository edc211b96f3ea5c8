/** The settings of the bus: the NATS server, the streams of events in, and the stream of events out. */
import { type EnvironmentReader, optional } from "../environment.ts";
import { maskUrl } from "./mask.ts";

const BUS_FORMATS = ["cloudevents", "ensemble-json", "ensemble-protobuf"] as const;
const YES_NO = ["true", "false"] as const;
const DEFAULT_SOURCES =
  "OBJECTIVES=objectives.changes.>,APPROVALS=approvals.changes.>,GOVERNANCE=governance.changes.>," +
  "AGENTS=agents.changes.>,SIPHON=siphon.tap.>,WORKFLOWS=workflows.changes.run.>";
const SEVEN_DAYS_MS = 7 * 86_400_000;
/** Subjects whose events report on what steps wait for. */
const REPORTING = /^(?:objectives|approvals|governance|agents|workflows)(?:\.|$)/;
const QUEUE_TYPE = /^queue(?:\.[A-Za-z0-9_-]{1,64}){1,8}$/;
/** JetStream takes no more. */
const MOST_STREAM_REPLICAS = 5;

/** One subject of one stream that events are taken from. */
export interface BusSource {
  readonly stream: string;
  readonly subject: string;
  /** Set: its messages are no events; each becomes one. */
  readonly queue?: QueueEvents;
}

/** The event that each message of a queue becomes. */
interface QueueEvents {
  readonly workspaceId: string;
  readonly type: string;
}

/** How the NATS server is reached. */
export interface NatsSettings {
  readonly servers: readonly string[];
  readonly credsFile?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** What is published and consumed. */
export interface BusSettings {
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
}

/** The server and the credentials for it. */
export function readNats(reader: EnvironmentReader): NatsSettings {
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

/** The streams. */
export function readBus(reader: EnvironmentReader): BusSettings {
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
  const sources = parts.map((part) => {
    const [source = "", query] = part.split("?");
    const [stream = "", subject = "", ...rest] = source.split("=").map((text) => text.trim());
    if (rest.length > 0 || !isStreamName(stream) || !isSubject(subject)) {
      reader.fault("BUS_SOURCES", `has ${part}, which is not of the form STREAM=subject`);
    }
    if (seen.has(source)) reader.fault("BUS_SOURCES", `has ${source} twice`);
    seen.add(source);
    const queue = query === undefined ? undefined : readQueue(reader, part, query);
    if (queue !== undefined && REPORTING.test(subject)) {
      reader.fault("BUS_SOURCES", `has ${part}: events of that subject are a collaborator's`);
    }
    return { stream, subject, ...optional("queue", queue) };
  });
  refuseOverlaps(reader, sources);
  return sources;
}

/** A message that a queue and another source of its stream take would start runs twice. */
function refuseOverlaps(reader: EnvironmentReader, sources: readonly BusSource[]): void {
  for (const [at, { stream, subject, queue }] of sources.entries()) {
    for (const other of sources.slice(0, at)) {
      const isQueue = queue !== undefined || other.queue !== undefined;
      const isSame = other.subject === subject;
      if (!isQueue || isSame || other.stream !== stream) continue;
      if (!subjectsOverlap(subject, other.subject)) continue;
      const both = `${stream}=${other.subject} and ${stream}=${subject}`;
      const words = "one of them is a queue, and both take the same messages: let them differ";
      reader.fault("BUS_SOURCES", `has ${both}; ${words}`);
    }
  }
}

/** Whether a subject may fit both patterns. */
function subjectsOverlap(one: string, other: string): boolean {
  const [tokens, others] = [one.split("."), other.split(".")];
  for (let at = 0; ; at += 1) {
    const [token, against] = [tokens[at], others[at]];
    if (token === undefined || against === undefined) return token === against;
    if (token === ">" || against === ">") return true;
    if (token !== "*" && against !== "*" && token !== against) return false;
  }
}

function readQueue(reader: EnvironmentReader, part: string, query: string): QueueEvents {
  const fields = new URLSearchParams(query);
  const [workspaceId = "", type = ""] = [fields.get("workspace") ?? "", fields.get("type") ?? ""];
  const isWhole = /^\S{1,256}$/.test(workspaceId) && QUEUE_TYPE.test(type);
  if (!isWhole || fields.size !== 2) {
    reader.fault(
      "BUS_SOURCES",
      `has ${part}, which is not of the form STREAM=subject?workspace=ws_1&type=queue.orders`,
    );
  }
  return { workspaceId, type };
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
