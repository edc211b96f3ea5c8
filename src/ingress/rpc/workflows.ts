/**
 * The RPCs of Workflows that read what is stored: Get, List, GetVersion and ListVersionHeads.
 * Boundary: requests, page tokens and answers; rows are store/reads/.
 */
import { createHash } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type GetVersionRequest,
  GetVersionRequestSchema,
  type ListVersionHeadsRequest,
  ListVersionHeadsRequestSchema,
  type WorkflowsGetRequest,
  WorkflowsGetRequestSchema,
  type WorkflowsListRequest,
  WorkflowsListRequestSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { versionDigest } from "../../engine/values/digest.ts";
import { type JsonObject, jsonSizeBytes } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { findVersion, specOfVersion } from "../../store/reads/definitions.ts";
import {
  findVersionHead,
  findVersionSource,
  listVersionHeads,
  type VersionHeadRow,
} from "../../store/reads/version-sources.ts";
import {
  countWorkflows,
  findIdOfName,
  findWorkflow,
  listWorkflows,
  type WorkflowFilters,
  type WorkflowPlace,
  type WorkflowRow,
} from "../../store/reads/workflow-lists.ts";
import { TRIGGER_TYPE_NUMBERS, toDefinitionMessage } from "../../wire/definitions.ts";
import { fitDefinitions, fitVersions } from "../../wire/fitted-definitions.ts";
import { payloadSize } from "../../wire/payload-sizes.ts";
import { requireDefinition, toVersion, unknownDefinition } from "./definitions.ts";
import { checkFields, type Faults, readPageSize } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import type { ReadDeps } from "./service-deps.ts";

/** What the head of a version takes of an answer, but for its texts. */
const HEAD_BYTES = 600;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const LATEST_MS = Date.UTC(9_999, 11, 31);

/** Get: by id, or by a workspace and a name. */
export async function answerGetWorkflow(deps: ReadDeps, request: WorkflowsGetRequest) {
  const { id, workspaceId, name } = request;
  const faults = checkFields(WorkflowsGetRequestSchema, request);
  if ((id === "") === (name === "")) faults.add("id", "or name is required, and not both");
  else if (id === "") faults.require("workspace_id", workspaceId);
  faults.refuseIfAny();
  const { callers } = deps.database;
  const wanted = id || (await findIdOfName(callers, deps.visibility, { workspaceId, name }));
  const row =
    wanted === undefined ? undefined : await findWorkflow(callers, deps.visibility, wanted);
  const isForeign = workspaceId !== "" && row?.definition.workspaceId !== workspaceId;
  if (row === undefined || isForeign) throw unknownDefinition(id || name);
  return { workflow: workflowMessage(row) };
}

/** List: newest first; the last ones without description and tags, where they are too long. */
export async function answerListWorkflows(deps: ReadDeps, request: WorkflowsListRequest) {
  const { workspaceId, nameContains } = request;
  const faults = checkFields(WorkflowsListRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  const size = readPageSize(request.pageSize, faults);
  const filters = { workspaceId, nameContains };
  const after = readToken(request.pageToken, hashOf(filters), faults, placeOf);
  faults.refuseIfAny();
  const { lists } = deps.database;
  const [{ rows, next }, totalSize] = await Promise.all([
    listWorkflows(lists, deps.visibility, filters, { size, after }),
    countWorkflows(lists, deps.visibility, filters),
  ]);
  const room = rows.reduce((left, { latest }) => left - headBytes(latest), ANSWER_BYTES);
  const fitted = fitDefinitions(
    rows.map(({ definition }) => toDefinitionMessage(definition)),
    room,
  );
  nameLeftOut(deps, fitted.leftOut);
  const workflows = rows.map((row, at) => ({
    ...workflowMessage(row),
    definition: fitted.definitions[at] ?? toDefinitionMessage(row.definition),
  }));
  const nextPageToken =
    next === undefined ? "" : tokenOf(hashOf(filters), [next.createdAtMs, next.id]);
  return { workflows, nextPageToken, totalSize };
}

/** GetVersion: whole, but for the text or the graph of what has no room in an answer. */
export async function answerGetVersion(deps: ReadDeps, request: GetVersionRequest) {
  const { definitionId, version } = request;
  const faults = checkFields(GetVersionRequestSchema, request);
  faults.require("definition_id", definitionId);
  if (version < 0) faults.add("version", "is negative");
  faults.refuseIfAny();
  const { callers } = deps.database;
  const definition = await requireDefinition(deps, definitionId);
  const number = version || definition.latestVersion;
  const row = await findVersion(callers, deps.visibility, definitionId, number);
  if (row === undefined) throw unknownVersion(definitionId, number);
  const [source, head] = await Promise.all([
    findVersionSource(callers, deps.visibility, row.id),
    requireHead(deps, row.id),
  ]);
  const { sourceText = "" } = source ?? {};
  const layout = readJson(source?.layoutJson);
  const inputSchema = readJson(source?.inputSchemaJson);
  const kept = payloadSize(layout ?? {}) + payloadSize(inputSchema ?? {});
  const { versions, leftOut } = fitVersions([row], ANSWER_BYTES - kept - jsonSizeBytes(sourceText));
  nameLeftOut(deps, leftOut);
  return {
    version: toVersion({ ...row, ...versions[0] }),
    digest: versionDigest(specOfVersion(row)),
    head: headMessage(head),
    sourceText,
    ...(layout === undefined ? {} : { layout }),
    ...(inputSchema === undefined ? {} : { inputSchema }),
  };
}

/** ListVersionHeads: newest first. */
export async function answerListVersionHeads(deps: ReadDeps, request: ListVersionHeadsRequest) {
  const { definitionId, pageToken } = request;
  const faults = checkFields(ListVersionHeadsRequestSchema, request);
  faults.require("definition_id", definitionId);
  const size = readPageSize(request.pageSize, faults);
  const before = readToken(pageToken, hashOf({ definitionId }), faults, numberOf);
  faults.refuseIfAny();
  const { latestVersion } = await requireDefinition(deps, definitionId);
  const { lists } = deps.database;
  const page = { before, limit: size };
  const rows = await listVersionHeads(lists, deps.visibility, definitionId, page);
  // Numbers have no gaps.
  const last = rows.at(-1)?.version ?? 1;
  const nextPageToken = last > 1 ? tokenOf(hashOf({ definitionId }), [last]) : "";
  return { versions: rows.map(headMessage), nextPageToken, totalSize: latestVersion };
}

/** The head of a version that is stored. */
export async function requireHead(deps: ReadDeps, versionId: string): Promise<VersionHeadRow> {
  const head = await findVersionHead(deps.database.callers, deps.visibility, versionId);
  if (head === undefined) throw new Error(`version ${versionId} is not stored`);
  return head;
}

/** workflows.ops.v1.VersionHead */
export function headMessage({
  createdAt,
  triggerType,
  note,
  publishedBy,
  ...head
}: VersionHeadRow) {
  return {
    ...head,
    triggerType: TRIGGER_TYPE_NUMBERS[triggerType],
    createdAt: timestampFromDate(createdAt),
    note: note ?? "",
    publishedBy: publishedBy ?? "",
  };
}

function headBytes(head: VersionHeadRow | null): number {
  if (head === null) return 0;
  const texts = [head.author, head.note ?? "", head.publishedBy ?? ""];
  return texts.reduce((sum, text) => sum + jsonSizeBytes(text), HEAD_BYTES);
}

function workflowMessage({ definition, latest }: WorkflowRow) {
  return {
    definition: toDefinitionMessage(definition),
    ...(latest === null ? {} : { latest: headMessage(latest) }),
  };
}

/** The refusal for a version that is unknown. */
export function unknownVersion(definitionId: string, number: number): Refusal {
  const resource = { type: "version", name: `${definitionId}/${number}` };
  const which = number === 0 ? "no published version" : `no version ${number}`;
  return new Refusal("not_found", `definition ${definitionId} has ${which}`, { resource });
}

function readJson(text: string | null | undefined): JsonObject | undefined {
  return text === null || text === undefined ? undefined : JSON.parse(text);
}

function hashOf(filters: WorkflowFilters | { readonly definitionId: string }): string {
  return createHash("sha256").update(JSON.stringify(filters)).digest("hex").slice(0, 16);
}

function tokenOf(hash: string, place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([hash, ...place])).toString("base64url");
}

/** The place of a token that was made with these filters; undefined without one. */
function readToken<Place>(
  token: string,
  hash: string,
  faults: Faults,
  read: (parts: readonly unknown[]) => Place | undefined,
): Place | undefined {
  if (token === "") return undefined;
  const place = read(partsOf(token, hash));
  if (place === undefined) faults.add("page_token", "is not of a list with these filters");
  return place;
}

function partsOf(token: string, hash: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(parts) && parts[0] === hash ? parts.slice(1) : [];
  } catch {
    return [];
  }
}

function placeOf([createdAtMs, id]: readonly unknown[]): WorkflowPlace | undefined {
  const isTime = typeof createdAtMs === "number" && createdAtMs >= 0 && createdAtMs <= LATEST_MS;
  return isTime && typeof id === "string" && ID.test(id) ? { createdAtMs, id } : undefined;
}

function numberOf([number]: readonly unknown[]): number | undefined {
  const isNumber = typeof number === "number" && Number.isInteger(number);
  return isNumber && number > 1 && number < 2 ** 31 ? number : undefined;
}
