/**
 * The door of webhooks: `POST /hooks/<token>` starts a run of the endpoint's workflow with the body as its input.
 * Boundary: HTTP to a start, as StartRun's; the token names an endpoint and no caller, so that the run is initiated by the endpoint.
 * Invariants:
 * 1. Nothing of a delivery is used before its signature was checked over the bytes as they came.
 * 2. An unknown token and one whose time is over have one answer, by one look-up.
 * 3. A delivery of a paused workflow is listed as a missed trigger before its answer, and starts nothing.
 * 4. Repeats of a delivery id start one run; an answer of 2xx says that the run is committed.
 */
import { Code } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { findEnvironment } from "../../../engine/values/environment.ts";
import { findPayloadFault, type JsonObject } from "../../../engine/values/json.ts";
import { MAX_PAYLOAD_DEPTH, payloadProblem } from "../../../engine/values/limits.ts";
import type { Log } from "../../../process/log.ts";
import { count } from "../../../process/metrics.ts";
import { Refusal } from "../../../process/refusal.ts";
import { createSealer } from "../../../process/seal.ts";
import {
  findSignatureProblem,
  VERIFICATIONS,
  type Verification,
} from "../../../process/signatures.ts";
import { unpublishedRefusal } from "../../../runtime/closed-refusals.ts";
import {
  createEndpointFinder,
  type EndpointOfToken,
  type EndpointSettings,
} from "../../../runtime/endpoints.ts";
import type { GraphCache } from "../../../runtime/graphs.ts";
import type { Processor, Submission } from "../../../runtime/processor.ts";
import type { RunFeed } from "../../../runtime/run-feed.ts";
import { undeployedWords } from "../../../runtime/starter-environment.ts";
import type { Settled } from "../../../runtime/submission.ts";
import type { Database } from "../../../store/database.ts";
import { findRuns } from "../../../store/reads/runs.ts";
import { toConnectError } from "../errors.ts";
import { invalidFields } from "../fields.ts";
import { findInputFaults } from "../input-schema.ts";
import { type NodeRequest, type NodeResponse, pathOf } from "../node-calls.ts";
import { dropRest } from "../request-rest.ts";
import { readRun } from "../run-answers.ts";
import { type BodyRoom, type BodyShare, createBodyRoom } from "./body-room.ts";
import { BODY_BYTES, deliveryIdOf, inputOf, readDelivery, waitOf } from "./delivery.ts";
import { createHold, type HoldDelivery } from "./held-deliveries.ts";
import { endsWithin } from "./wait-for-end.ts";

/** What the door needs. */
export interface HookDeps {
  readonly database: Database;
  readonly processor: Processor;
  readonly graphs: GraphCache;
  readonly feed: RunFeed;
  readonly endpoints?: EndpointSettings | undefined;
  readonly log: Log;
}

/** Answers what is posted to an endpoint; false: the path is none. */
export type HookDoor = (request: NodeRequest, response: NodeResponse) => boolean;

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

const ROOT = "/hooks/";
const ROOM_BYTES = 16 * 1024;
/** Senders that wait at one time; one more is answered at once. */
const WAITING_AT_MOST = 1_000;

const STATUSES: Partial<Record<Code, number>> = {
  [Code.InvalidArgument]: 400,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.NotFound]: 404,
  [Code.FailedPrecondition]: 409,
  [Code.AlreadyExists]: 409,
  [Code.ResourceExhausted]: 429,
  [Code.Aborted]: 503,
  [Code.Unavailable]: 503,
  [Code.DeadlineExceeded]: 504,
};
const UNKNOWN: Answer = said(404, "there is no endpoint at this address");

/** The door over the service's parts. */
export function createHookDoor(deps: HookDeps): HookDoor {
  const find = createEndpointFinder(deps.database);
  const sealer = createSealer(deps.endpoints?.secretsKeys ?? []);
  const open = (id: string, sealed: Uint8Array) => sealer?.open(id, sealed);
  const isHeld = createHold(deps.database);
  const waiting = { count: 0 };
  const bodies = createBodyRoom();
  return (request, response) => {
    const path = pathOf(request);
    if (!path.startsWith(ROOT)) return false;
    dropRest(request, response);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const call = { ...deps, open, isHeld, waiting, bodies, signal: gone.signal };
    answerPost(call, request, () => find(path.slice(ROOT.length)))
      .catch((error: unknown) => refused(deps.log, error))
      .then((made) => {
        if (made.status >= 400)
          count("workflows_endpoint_deliveries_total", { outcome: "refused" });
        send(response, made);
      })
      .catch((error: unknown) => deps.log.debug("a delivery could not be answered", { error }));
    return true;
  };
}

interface CallDeps extends HookDeps {
  open(id: string, sealed: Uint8Array): string | undefined;
  readonly isHeld: HoldDelivery;
  readonly waiting: { count: number };
  readonly bodies: BodyRoom;
  /** Aborts when the sender has gone. */
  readonly signal: AbortSignal;
}

async function answerPost(
  deps: CallDeps,
  request: NodeRequest,
  find: () => Promise<EndpointOfToken | undefined>,
): Promise<Answer> {
  if (request.method !== "POST") return said(405, "deliveries are posted", { allow: "POST" });
  const endpoint = await find();
  if (endpoint === undefined) return UNKNOWN;
  if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
    return said(415, "the body is compressed; send it as it is");
  }
  const waitMs = waitOf(request.url ?? "");
  const share = deps.bodies(endpoint.definition.workspaceId);
  const made = await startByBody(deps, request, endpoint, share).finally(() => share.giveBack());
  if ("status" in made) return made;
  const { runId, created } = made;
  count("workflows_endpoint_deliveries_total", { outcome: created ? "started" : "repeated" });
  const ended = waitMs === 0 ? undefined : await outcomeOf(deps, endpoint, runId, waitMs);
  return ended ?? { status: 202, body: { run_id: runId, created } };
}

/** The run that a delivery starts, or the answer where it starts none. The body is held only until then. */
async function startByBody(
  deps: CallDeps,
  request: NodeRequest,
  endpoint: EndpointOfToken,
  share: BodyShare,
): Promise<Answer | Settled> {
  const body = await readDelivery(request, share);
  if (body === "too large") return said(413, `the body has more than ${BODY_BYTES} bytes`);
  if (body === "too slow") return said(408, "the body did not arrive in time; send it again");
  const how = VERIFICATIONS[endpoint.verification] ?? "unspecified";
  requireSigned(deps, endpoint, how, request.headers, body);
  const input = inputOf(body, request.headers["content-type"] ?? "");
  if (how === "slack" && input.type === "url_verification") {
    return { status: 200, body: { challenge: input.challenge ?? "" } };
  }
  const start = startOf(endpoint, deliveryIdOf(how, request.headers, input), input);
  if (await deps.isHeld(endpoint, start)) {
    count("workflows_endpoint_deliveries_total", { outcome: "missed" });
    return { status: 202, body: { created: false, missed: true } };
  }
  return deps.processor.submit(start);
}

function requireSigned(
  { open, log }: CallDeps,
  { id, sealedSecret, signatureHeader }: EndpointOfToken,
  how: Verification,
  headers: NodeRequest["headers"],
  body: Buffer,
): void {
  if (how === "none") return;
  const secret = sealedSecret === null ? undefined : open(id, sealedSecret);
  if (secret === undefined) {
    log.error("no key of SECRETS_KEY opens the secret of an endpoint", { endpoint: id });
    throw new Refusal("unavailable", "the secret of the endpoint cannot be read; tell its owner");
  }
  const request = { headers, body, signatureHeader, nowMs: Date.now() };
  const problem = findSignatureProblem(how, request, secret);
  if (problem !== undefined) throw new Refusal("unauthenticated", problem);
}

/** The run that a delivery starts. Refuses what StartRun refuses of an input, and a workflow without a version. */
function startOf(
  { id, definition, environment: where }: EndpointOfToken,
  deliveryId: string,
  input: JsonObject,
): Extract<Submission, { kind: "start" }> {
  const { workspaceId, latestVersionId: versionId, latestVersion, inputSchemaJson } = definition;
  if (versionId === null) {
    throw unpublishedRefusal(definition.id, undeployedWords(where));
  }
  const fault = findPayloadFault(input, MAX_PAYLOAD_DEPTH);
  if (fault !== undefined) {
    throw invalidFields([{ field: `input.${fault.path}`, description: fault.problem }]);
  }
  const problem = payloadProblem("the input", input);
  if (problem !== undefined) throw new Refusal("too_large", problem);
  const wrong = findInputFaults({ workspaceId, versionId }, inputSchemaJson, input, "input");
  if (wrong.length > 0) throw invalidFields(wrong);
  const by = `endpoint:${id}`;
  const environment = findEnvironment(where);
  return {
    kind: "start",
    cause: { kind: "event", id: deliveryId === "" ? id : deliveryId, by },
    start: {
      ...{ definitionId: definition.id, versionId, definitionVersion: latestVersion, workspaceId },
      ...{ triggerType: "WEBHOOK", triggerEventId: deliveryId, triggerSource: by },
      ...{ initiatorAgentId: "", initiatorUserId: "", parentRunId: "" },
      ...{ entityId: "", entityType: "", hops: 0, input },
      ...(environment === undefined ? {} : { environment }),
    },
  };
}

/** The end of the run as an answer; undefined: it has not ended in time, or too many wait. */
async function outcomeOf(
  { database, graphs, feed, waiting, signal }: CallDeps,
  { visibility }: EndpointOfToken,
  runId: string,
  waitMs: number,
): Promise<Answer | undefined> {
  if (waiting.count >= WAITING_AT_MOST) return undefined;
  waiting.count += 1;
  try {
    const [run] = await findRuns(database.callers, visibility, [runId]);
    if (run === undefined || !(await endsWithin(feed, run, waitMs, signal))) return undefined;
    const reading = { database, graphs, visibility, answerHeader: new Headers() };
    const { run: ended, steps, output } = await readRun(reading, runId);
    const failed = steps.find(({ state }) => state === "FAILED")?.row?.errorMessage;
    const body: JsonObject = { run_id: runId, state: ended.state, output: output ?? null };
    if (ended.state !== "COMPLETED" && failed !== undefined) body.error = failed;
    return { status: 200, body };
  } catch (error) {
    // The run is started: that its end cannot be waited for is no failure of the delivery.
    if (error instanceof Refusal) return undefined;
    throw error;
  } finally {
    waiting.count -= 1;
  }
}

function refused(log: Log, thrown: unknown): Answer {
  const { error, bug } = toConnectError(thrown, ROOM_BYTES);
  if (bug) log.error("a delivery failed by a fault of the service", { error: thrown });
  const isTooLarge = thrown instanceof Refusal && thrown.reason === "too_large";
  const status = isTooLarge ? 413 : (STATUSES[error.code] ?? 500);
  const fields = error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations)
    .map(({ field, description }) => ({ field, description }));
  const isTemporary = status === 429 || status >= 503;
  return {
    status,
    body: { error: error.rawMessage, ...(fields.length === 0 ? {} : { fields }) },
    ...(isTemporary ? { headers: { "retry-after": "1" } } : {}),
  };
}

function said(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, body: { error }, headers };
}

function send(response: NodeResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    ...headers,
  });
  response.end(JSON.stringify(body));
}
