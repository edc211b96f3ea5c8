/**
 * The plain HTTP doors beside the RPCs: liveness, readiness, metrics, the JSON Schema of workflow files, the description of REST.
 * Boundary: what they show is asked from callbacks; nothing here knows Postgres or the bus.
 */
import { readFile } from "node:fs/promises";
import { workflowFileSchema } from "../../file/json-schema.ts";
import type { Log } from "../../process/log.ts";
import { OPENAPI_FILE } from "../../process/openapi-file.ts";
import { type NodeRequest, type NodeResponse, pathOf } from "./node-calls.ts";

/** How a part of the service is: the whole is down when a needed part is. */
type PartStatus = "ok" | "degraded" | "down";

/** What readiness shows; 503 exactly when `status` is down. */
export interface Readiness {
  readonly status: PartStatus;
  /** By part: database, bus, migrations … */
  readonly parts: Readonly<Record<string, string>>;
}

/** What the doors ask. */
export interface DoorDeps {
  probe(): Promise<Readiness>;
  /** Prometheus text, version 0.0.4. */
  metrics(): Promise<string>;
  readonly log: Log;
}

/** `prefix`: the path that a proxy takes off. */
type Door = (
  deps: DoorDeps,
  prefix: string,
) => Promise<{ status: number; type: string; body: string }>;

const JSON_TYPE = "application/json; charset=utf-8";
const PROBE_TIMEOUT_MS = 5_000;

const ALIVE: Door = async () => ({ status: 200, type: JSON_TYPE, body: '{"status":"ok"}' });

const READY: Door = async (deps) => {
  const readiness = await inTime(deps.probe());
  const status = readiness.status === "down" ? 503 : 200;
  return { status, type: JSON_TYPE, body: JSON.stringify(readiness) };
};

const METRICS: Door = async (deps) => {
  const body = await inTime(deps.metrics());
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body };
};

let schemaText: string | undefined;
/** Made once: whoever asks, and how often, needs no token. */
const SCHEMA: Door = async () => {
  schemaText ??= JSON.stringify(workflowFileSchema());
  return { status: 200, type: "application/schema+json; charset=utf-8", body: schemaText };
};

/** The first one is that of the one server. */
const SERVER = '"url": "/"';
let openApi: Promise<string> | undefined;
/** Read once, as above. */
const OPENAPI: Door = async (_deps, prefix) => {
  openApi ??= readFile(OPENAPI_FILE, "utf8");
  const text = await openApi;
  const body = prefix === "" ? text : text.replace(SERVER, `"url": "${prefix}/"`);
  return { status: 200, type: JSON_TYPE, body };
};

const CLOSED_METRICS: Door = async () => {
  const words = "with authentication on, metrics are on the port of METRICS_PORT alone";
  return { status: 403, type: JSON_TYPE, body: JSON.stringify({ status: words }) };
};

/** What the main port has at /metrics: the metrics, a refusal, or nothing because they have a port of their own. */
export type MetricsDoor = "open" | "closed" | "elsewhere";

/** The doors of the main port. */
export function mainDoors(metrics: MetricsDoor): ReadonlyMap<string, Door> {
  const doors = new Map([
    ["/healthz", ALIVE],
    ["/readyz", READY],
    ["/schema/workflow.json", SCHEMA],
    ["/openapi.json", OPENAPI],
  ]);
  if (metrics === "elsewhere") return doors;
  return doors.set("/metrics", metrics === "open" ? METRICS : CLOSED_METRICS);
}

/** The doors of a port for metrics alone. */
export function metricsDoors(): ReadonlyMap<string, Door> {
  return new Map([["/metrics", METRICS]]);
}

/** Answers a request by its door; 404 where there is none, 405 for anything but GET and HEAD. */
export function answerDoor(
  doors: ReadonlyMap<string, Door>,
  deps: DoorDeps,
  request: NodeRequest,
  response: NodeResponse,
  prefix = "",
): void {
  const door = doors.get(pathOf(request));
  if (door === undefined) {
    const words =
      "there is nothing here; /openapi.json lists the paths of REST, and RPCs are called by POST /package.Service/Method";
    send(response, 404, JSON_TYPE, JSON.stringify({ status: words }));
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    send(response, 405, JSON_TYPE, '{"status":"this is read by GET"}');
    return;
  }
  door(deps, prefix).then(
    ({ status, type, body }) => send(response, status, type, body),
    (error: unknown) => {
      deps.log.warn("a probe failed", { door: pathOf(request), error });
      send(response, 503, JSON_TYPE, '{"status":"down","parts":{}}');
    },
  );
}

function send(response: NodeResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(body);
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`));
    timer = setTimeout(fail, PROBE_TIMEOUT_MS);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}
