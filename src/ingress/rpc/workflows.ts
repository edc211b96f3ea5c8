/**
 * The RPCs of Workflows that read what is stored: Get, GetVersion and ListVersionHeads. List is workflow-list.ts.
 * Boundary: requests, page tokens and answers; rows are store/reads/.
 */
import {
  type GetVersionRequest,
  GetVersionRequestSchema,
  type ListVersionHeadsRequest,
  ListVersionHeadsRequestSchema,
  type WorkflowsGetRequest,
  WorkflowsGetRequestSchema,
} from "../../../gen/workflows/ops/v1/workflows_pb.ts";
import { versionDigest } from "../../engine/values/digest.ts";
import { type JsonObject, jsonSizeBytes } from "../../engine/values/json.ts";
import { findVersion, specOfVersion } from "../../store/reads/definitions.ts";
import {
  findNewestNumber,
  findVersionSource,
  listVersionHeads,
} from "../../store/reads/version-sources.ts";
import { findIdOfName, findWorkflow } from "../../store/reads/workflow-lists.ts";
import { fitVersions } from "../../wire/fitted-definitions.ts";
import { payloadSize } from "../../wire/payload-sizes.ts";
import { requireDefinition, toVersion, unknownDefinition } from "./definitions.ts";
import { checkFields, readPageSize } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import { filterHash, readToken, tokenOf } from "./list-tokens.ts";
import type { ReadDeps } from "./service-deps.ts";
import { stepKindsOf } from "./sources.ts";
import { factsOf } from "./workflow-facts.ts";
import { headMessage, requireHead, unknownVersion, workflowMessage } from "./workflow-message.ts";

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
  const known = await factsOf(deps, [row.definition]);
  const { status, fields } = known(row.definition);
  return { workflow: { ...workflowMessage(row, status), ...fields } };
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
    stepKinds: stepKindsOf(row.steps),
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
  const before = readToken(pageToken, filterHash({ definitionId }), faults, numberOf);
  faults.refuseIfAny();
  await requireDefinition(deps, definitionId);
  const { lists } = deps.database;
  const page = { before, limit: size };
  const [rows, totalSize] = await Promise.all([
    listVersionHeads(lists, deps.visibility, definitionId, page),
    findNewestNumber(lists, deps.visibility, definitionId),
  ]);
  // Numbers have no gaps.
  const last = rows.at(-1)?.version ?? 1;
  const nextPageToken = last > 1 ? tokenOf(filterHash({ definitionId }), [last]) : "";
  return { versions: rows.map(headMessage), nextPageToken, totalSize };
}

function readJson(text: string | null | undefined): JsonObject | undefined {
  return text === null || text === undefined ? undefined : JSON.parse(text);
}

function numberOf([number]: readonly unknown[]): number | undefined {
  const isNumber = typeof number === "number" && Number.isInteger(number);
  return isNumber && number > 1 && number < 2 ** 31 ? number : undefined;
}
