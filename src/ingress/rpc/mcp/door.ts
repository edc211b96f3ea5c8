/**
 * The Model Context Protocol at `/mcp`: its tools call the RPCs of this process as their caller.
 * Boundary: HTTP in and out. Tools are src/mcp/, host, origin and words on tokens guard.ts; the protocol's package is loaded for the first
 * request.
 * Invariants:
 * 1. Nothing of a body is read before place and caller are known, and no more than a bounded body by a bounded number of requests.
 * 2. The caller's token goes to the guard of the RPCs, and nowhere else.
 * 3. When the client goes, what its request has begun is aborted, and nothing more is begun.
 * 4. Answers that are not read yet count as those of RPCs do.
 */
import { randomUUID } from "node:crypto";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { type Callers, SCOPES } from "../../../collaborators/identity/callers.ts";
import {
  ENVIRONMENT_FORM,
  findEnvironment,
  isEnvironment,
} from "../../../engine/values/environment.ts";
import { findPayloadFault, type Json } from "../../../engine/values/json.ts";
import { MAX_PAYLOAD_DEPTH } from "../../../engine/values/limits.ts";
import { clientsOver, type McpWorld } from "../../../mcp/world.ts";
import type { Log } from "../../../process/log.ts";
import { Refusal } from "../../../process/refusal.ts";
import { VERSION } from "../../../process/version.ts";
import { holdAnswer } from "../call-steps.ts";
import { toConnectError } from "../errors.ts";
import { invalidFields } from "../fields.ts";
import { requireCaller, requireScope } from "../guard.ts";
import { createBodyRoom } from "../hooks/body-room.ts";
import { BODY_BYTES, readDelivery } from "../hooks/delivery.ts";
import { connectionOf, type NodeRequest, type NodeResponse, pathOf } from "../node-calls.ts";
import type { PrefixOf } from "../prefix.ts";
import { dropRest } from "../request-rest.ts";
import type { UnreadAnswers } from "../unread-answers.ts";
import {
  baseUrlOf,
  challengeOf,
  MCP_PATH,
  type McpGuardSettings,
  type McpHeaders,
  METADATA_PATHS,
  requirePlace,
  resourceMetadata,
} from "./guard.ts";
import { createMcpPlaces, type McpPlace } from "./places.ts";

/** What the door needs. */
export interface McpDoorDeps {
  /** The RPCs of this process. */
  readonly local: Transport;
  readonly callers: Callers | undefined;
  readonly settings: McpGuardSettings;
  readonly log: Log;
  readonly unread: UnreadAnswers;
  readonly prefixOf: PrefixOf;
}

/** Answers what is asked of `/mcp`; false: it is for others. */
export type McpDoor = (request: NodeRequest, response: NodeResponse) => boolean;

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

const BEGINNING = /^\/(mcp|\.well-known)/;
const JSON_TYPE = "application/json; charset=utf-8";
const ROOM_BYTES = 16 * 1024;
/** Around a payload: the message, its params, the arguments, and the lists of the code form. */
const LEVELS_AT_MOST = MAX_PAYLOAD_DEPTH + 8;
/** Headers of a request that the protocol reads. */
const READ_HEADERS = ["accept", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version"];
/** Headers that go on to the RPCs. */
const HANDED_ON = ["authorization", "workflows-actor", "workflows-environment", "traceparent"];
const STATUSES: Partial<Record<Code, number>> = {
  ...{ [Code.InvalidArgument]: 400, [Code.Unauthenticated]: 401, [Code.PermissionDenied]: 403 },
  ...{ [Code.ResourceExhausted]: 429, [Code.Unavailable]: 503 },
};

/** The door. */
export function createMcpDoor(deps: McpDoorDeps): McpDoor {
  const room = createBodyRoom();
  const takePlace = createMcpPlaces();
  return (request, response) => {
    // Of each request of the service: as good as nothing for those that are for others.
    if (!BEGINNING.test(request.url ?? "")) return false;
    const path = pathOf(request);
    const isMetadata = METADATA_PATHS.includes(path);
    if (path !== MCP_PATH && !isMetadata) return false;
    dropRest(request, response);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const work = async () => {
      if (isMetadata) return metadata(deps, request);
      const place = takePlace();
      try {
        return await answer({ ...deps, room, place, signal: gone.signal }, request);
      } finally {
        place.leave();
      }
    };
    work()
      .catch((error: unknown) => refusedAnswer(deps, request, error))
      .then((made) => {
        holdAnswer(request, response, Buffer.byteLength(made.body), deps.unread);
        send(response, made);
      })
      .catch((error: unknown) => deps.log.debug("an answer of MCP could not be sent", { error }));
    return true;
  };
}

interface CallDeps extends McpDoorDeps {
  readonly room: ReturnType<typeof createBodyRoom>;
  readonly place: McpPlace;
  readonly signal: AbortSignal;
}

async function answer(deps: CallDeps, request: NodeRequest): Promise<Answer> {
  const { settings, callers, place, unread, signal } = deps;
  requirePlace(settings, placeOf(deps, request));
  if (request.method !== "POST") return said(405, "MCP is posted here", { allow: "POST" });
  const caller = callers && (await requireCaller(callers, headersOf(request, HANDED_ON)));
  if (caller !== undefined) {
    requireScope(caller, "workflows:read");
    place.ofWorkspace(caller.workspaceId);
  }
  await unread.room(connectionOf(request));
  if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
    return said(415, "the body is compressed; send it as it is");
  }
  const share = deps.room(caller?.workspaceId ?? "");
  try {
    const body = await readDelivery(request, share);
    if (body === "too large") return said(413, `the body has more than ${BODY_BYTES} bytes`);
    if (body === "too slow") return said(408, "the body did not arrive in time; send it again");
    const message = readBody(body);
    // A process that nobody asks by MCP never loads the package.
    const { answerHttp } = await import("../../../mcp/serve.ts");
    // The host that the caller names may be none of a URL.
    const asked = new Request(`http://localhost${MCP_PATH}`, {
      ...{ method: "POST", headers: headersOf(request, READ_HEADERS), signal },
      body: "{}",
    });
    const made = await answerHttp(worldOf(deps, request), VERSION, asked, message);
    // Whether the connection is kept its caller and Node agree on.
    made.headers.delete("connection");
    const headers = Object.fromEntries(made.headers);
    return { status: made.status, headers, body: Buffer.from(await made.arrayBuffer()) };
  } finally {
    share.giveBack();
  }
}

/** One message. Refuses what is no JSON, a batch of messages, and what is too deep to be read. */
function readBody(body: Buffer): Json {
  let message: Json;
  try {
    message = JSON.parse(body.toString("utf8"));
  } catch {
    throw malformed("the body is no JSON");
  }
  if (Array.isArray(message)) throw malformed("send one message at a time, not a batch");
  const fault = findPayloadFault(message, LEVELS_AT_MOST);
  if (fault !== undefined) throw malformed(`${fault.path}: ${fault.problem}`);
  return message;
}

function malformed(description: string): Refusal {
  return new Refusal("invalid_fields", description, { fields: [{ field: "body", description }] });
}

/** The caller's surroundings: its token, and what its URL says of a workspace and an environment. */
function worldOf(deps: CallDeps, request: NodeRequest): McpWorld {
  const { local, settings, log, signal: gone } = deps;
  const query = new URLSearchParams(request.url?.split("?").slice(1).join("?") ?? "");
  const header = headersOf(request, HANDED_ON);
  header.set("workflows-via", "mcp");
  const environment = query.get("environment");
  if (environment !== null) header.set("workflows-environment", requireEnvironment(environment));
  const transport: Transport = {
    unary: (method, signal, timeoutMs, own, input, values) => {
      const headers = new Headers(header);
      new Headers(own).forEach((value, name) => {
        headers.set(name, value);
      });
      return local.unary(method, signal ?? gone, timeoutMs, headers, input, values);
    },
    stream: (...call) => local.stream(...call),
  };
  const workspaceId = query.get("workspace") ?? "";
  const hint = workspaceId === "" ? `; name it in the address: ${MCP_PATH}?workspace=ws_1` : "";
  return {
    clients: clientsOver(transport),
    workspaceId,
    environment: findEnvironment(header.get("workflows-environment") ?? undefined) ?? "",
    consoleUrl: `${baseUrlOf(settings, placeOf(deps, request))}/console`,
    describe: (error) => `${describe(log, error)}${lacksWorkspace(error) ? hint : ""}`,
  };
}

/** A name that is none could not be sent on in a header either. */
function requireEnvironment(name: string): string {
  if (isEnvironment(name)) return name;
  throw invalidFields([{ field: "environment", description: ENVIRONMENT_FORM }]);
}

function lacksWorkspace(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  const faults = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  return faults.some(({ field }) => field === "workspace_id");
}

function describe(log: Log, error: unknown): string {
  if (error instanceof ConnectError) return `${Code[error.code]}: ${error.rawMessage}`;
  const id = randomUUID();
  log.error("a tool of MCP failed by a fault of the service", { error, id });
  return `internal error ${id}`;
}

function metadata(deps: McpDoorDeps, request: NodeRequest): Answer {
  const { settings } = deps;
  const place = placeOf(deps, request);
  requirePlace(settings, place);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return said(405, "this is read by GET", { allow: "GET, HEAD" });
  }
  const found = resourceMetadata(settings, place, SCOPES);
  if (found === undefined) return said(404, "AUTH_MODE is not jwt: there is no issuer to ask");
  return { status: 200, body: request.method === "HEAD" ? "" : JSON.stringify(found) };
}

function refusedAnswer(deps: McpDoorDeps, request: NodeRequest, thrown: unknown): Answer {
  const { error, bug } = toConnectError(thrown, ROOM_BYTES);
  if (bug) deps.log.error("a request of MCP failed by a fault of the service", { error: thrown });
  const status = STATUSES[error.code] ?? 500;
  const challenge = challengeFor(deps, request, thrown);
  return said(
    status,
    error.rawMessage,
    challenge === undefined ? {} : { "www-authenticate": challenge },
  );
}

function challengeFor(deps: McpDoorDeps, request: NodeRequest, thrown: unknown) {
  if (!(thrown instanceof Refusal)) return undefined;
  const { reason, facts } = thrown;
  const { settings } = deps;
  const place = placeOf(deps, request);
  if (reason === "unauthenticated") {
    const isSent = request.headers.authorization !== undefined;
    return challengeOf(settings, place, isSent ? { code: "invalid_token" } : undefined);
  }
  const { scope } = facts;
  if (reason !== "permission_denied" || typeof scope !== "string") return undefined;
  return challengeOf(settings, place, { code: "insufficient_scope", scope });
}

/** Over HTTP/2 the host stands beside the headers. */
function placeOf({ prefixOf }: McpDoorDeps, request: NodeRequest): McpHeaders {
  const { host, origin } = request.headers;
  const isNamed = "authority" in request && request.authority;
  return { host: isNamed ? request.authority : host, origin, prefix: prefixOf(request) };
}

function headersOf({ headers }: NodeRequest, names: readonly string[]): Headers {
  const found = new Headers();
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string") found.set(name, value);
  }
  return found;
}

function said(
  status: number,
  words: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: JSON.stringify({ status: words }) };
}

function send(response: NodeResponse, { status, body, headers = {} }: Answer): void {
  const fixed = {
    "content-type": JSON_TYPE,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  response.writeHead(status, { ...fixed, ...headers });
  response.end(body);
}
