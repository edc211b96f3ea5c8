/**
 * The RPCs of Endpoints.
 * Boundary: requests and answers; tokens, secrets and rows are runtime/endpoints.ts, deliveries hooks/.
 */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type EndpointsCreateRequest,
  EndpointsCreateRequestSchema,
  type EndpointsDeleteRequest,
  EndpointsDeleteRequestSchema,
  type EndpointsListRequest,
  EndpointsListRequestSchema,
  type EndpointsRotateRequest,
  EndpointsRotateRequestSchema,
  EndpointVerification,
} from "../../../gen/workflows/ops/v1/endpoints_pb.ts";
import { VERIFICATIONS, type Verification } from "../../process/signatures.ts";
import {
  type EndpointSettings,
  type MadeEndpoint,
  unknownEndpoint,
  urlsOf,
} from "../../runtime/endpoints.ts";
import {
  countListedEndpoints,
  findEndpoint,
  findSealedTokens,
  listEndpoints,
  type ShownEndpoint,
} from "../../store/reads/endpoints.ts";
import { recordedActor, refuseAgent } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import { requireScope } from "./guard.ts";
import { idTokenOf, readIdToken } from "./id-pages.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";

const DAY_SECONDS = 86_400;
const LONGEST_GRACE_SECONDS = 30 * DAY_SECONDS;
const DEFAULT_HEADER = "X-Signature";
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
const AGENTS = "an agent makes no endpoints";
const NUMBERS: Readonly<Record<Verification, EndpointVerification>> = {
  unspecified: EndpointVerification.UNSPECIFIED,
  none: EndpointVerification.NONE,
  standard_webhooks: EndpointVerification.STANDARD_WEBHOOKS,
  hmac: EndpointVerification.HMAC,
  github: EndpointVerification.GITHUB,
  stripe: EndpointVerification.STRIPE,
  slack: EndpointVerification.SLACK,
  bearer: EndpointVerification.BEARER,
};

/** Create: the answer alone has the URL, and the secret that the service made. */
export async function answerCreateEndpoint(deps: WriteDeps, request: EndpointsCreateRequest) {
  const { definitionId, name, environment, secret, signatureHeader, reason } = request;
  const { rotateOnPublish, graceSeconds } = request;
  const faults = checkFields(EndpointsCreateRequestSchema, request);
  faults.require("definition_id", definitionId);
  const verification = VERIFICATIONS[request.verification] ?? "unspecified";
  if (verification === "unspecified") {
    faults.add("verification", "is required; NONE trusts whoever has the URL");
  }
  if (signatureHeader !== "" && verification !== "hmac") {
    faults.add("signature_header", "is used by a verification of HMAC alone");
  } else if (signatureHeader !== "" && !HEADER_NAME.test(signatureHeader)) {
    faults.add("signature_header", "is no name of a header");
  }
  checkGrace(graceSeconds, faults);
  if (graceSeconds !== undefined && !rotateOnPublish) {
    faults.add("grace_seconds", "is of rotate_on_publish alone");
  }
  faults.refuseIfAny();
  refuseAgent(deps.caller, AGENTS);
  const { workspaceId } = await requireDefinition(deps, definitionId);
  const made = await deps.write.starters.createEndpoint({
    ...{ workspaceId, definitionId, name, environment, verification, secret },
    signatureHeader: verification === "hmac" ? signatureHeader || DEFAULT_HEADER : "",
    ...{ rotateOnPublish, rotateGraceSeconds: graceSeconds ?? DAY_SECONDS },
    ...{ changedBy: recordedActor(deps) ?? "", changeReason: reason },
  });
  return shownOnce(made);
}

/** Rotate. */
export async function answerRotateEndpoint(deps: WriteDeps, request: EndpointsRotateRequest) {
  const { id, graceSeconds = DAY_SECONDS, reason } = request;
  const faults = checkFields(EndpointsRotateRequestSchema, request);
  faults.require("id", id);
  checkGrace(graceSeconds, faults);
  faults.refuseIfAny();
  refuseAgent(deps.caller, AGENTS);
  const changedBy = recordedActor(deps) ?? "";
  const change = { graceSeconds, changedBy, changeReason: reason };
  const { secret: _, ...made } = shownOnce(await deps.write.starters.rotateEndpoint(id, change));
  return made;
}

function checkGrace(seconds: number | undefined, faults: Faults): void {
  if (seconds === undefined || (seconds >= 0 && seconds <= LONGEST_GRACE_SECONDS)) return;
  faults.add("grace_seconds", `is ${seconds}; it must be 0 to ${LONGEST_GRACE_SECONDS}`);
}

/** The answer to a repeat of Create and Rotate: what was shown once is not shown again. */
export async function readEndpoint(deps: ReadDeps, id: string) {
  const row = await findEndpoint(deps.database.callers, deps.visibility, id);
  if (row === undefined) throw unknownEndpoint(id);
  return { endpoint: endpointMessage(row) };
}

/** List: in the order of ids. */
export function listEndpointsWith(settings: EndpointSettings | undefined) {
  return async (deps: Omit<WriteDeps, "write">, request: EndpointsListRequest) => {
    const listed = await pageOf(deps, request);
    if (!request.showUrls || settings === undefined) return listed;
    const { database, visibility, answerHeader } = deps;
    // A URL is a secret: no cache keeps it.
    answerHeader.set("cache-control", "no-store");
    const ids = listed.endpoints.map(({ id }) => id);
    const urls = urlsOf(settings, await findSealedTokens(database.lists, visibility, ids));
    const endpoints = listed.endpoints.map((each) => ({ ...each, url: urls.get(each.id) ?? "" }));
    return { ...listed, endpoints };
  };
}

async function pageOf(deps: Omit<WriteDeps, "write">, request: EndpointsListRequest) {
  const { workspaceId, definitionId, pageToken } = request;
  const filters = { workspaceId, definitionId };
  const faults = checkFields(EndpointsListRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  const size = readPageSize(request.pageSize, faults);
  const after = readIdToken(pageToken, filters, faults);
  faults.refuseIfAny();
  if (request.showUrls) {
    refuseAgent(deps.caller, "an agent is shown no URLs of endpoints");
    if (deps.caller !== undefined) requireScope(deps.caller, "workflows:author");
  }
  const { lists } = deps.database;
  const page = { after, limit: size + 1 };
  const [rows, totalSize] = await Promise.all([
    listEndpoints(lists, deps.visibility, filters, page),
    countListedEndpoints(lists, deps.visibility, filters),
  ]);
  const shown = rows.slice(0, size);
  const last = rows.length > size ? shown.at(-1) : undefined;
  return {
    endpoints: shown.map(endpointMessage),
    nextPageToken: last === undefined ? "" : idTokenOf(filters, last.id),
    totalSize,
  };
}

/** Delete. */
export async function answerDeleteEndpoint(deps: WriteDeps, request: EndpointsDeleteRequest) {
  const faults = checkFields(EndpointsDeleteRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  refuseAgent(deps.caller, AGENTS);
  await deps.write.starters.deleteEndpoint(request.id);
  return {};
}

/** The workspace of an endpoint. */
export async function workspaceOfEndpoint(
  { database, visibility }: ReadDeps,
  { id }: { id: string },
): Promise<string | undefined> {
  return (await findEndpoint(database.callers, visibility, id))?.workspaceId;
}

function shownOnce({ row, url, secret }: MadeEndpoint) {
  return { endpoint: endpointMessage(row), url, secret };
}

/** workflows.ops.v1.Endpoint */
function endpointMessage({ createdAt, rotatedAt, oldUntil, definitionId, ...row }: ShownEndpoint) {
  const { id, workspaceId, environment, name, signatureHeader } = row;
  const verification = NUMBERS[VERIFICATIONS[row.verification] ?? "unspecified"];
  const { changedBy, changeReason, rotateOnPublish, rotateGraceSeconds } = row;
  return {
    ...{ id, workspaceId, definitionId, environment, name, verification, signatureHeader },
    ...(rotateOnPublish ? { rotateOnPublish, graceSeconds: rotateGraceSeconds } : {}),
    ...{ changedBy, changeReason, createdAt: timestampFromDate(createdAt) },
    ...(rotatedAt === null ? {} : { rotatedAt: timestampFromDate(rotatedAt) }),
    ...(oldUntil === null ? {} : { oldUrlUntil: timestampFromDate(oldUntil) }),
  };
}
