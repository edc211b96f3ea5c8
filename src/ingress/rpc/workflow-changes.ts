/**
 * The RPCs of Workflows that change a workflow beside its versions: Create, Update, Archive, Unarchive and Delete.
 * Boundary: requests and answers; what may be changed is decided by runtime/workflows.ts.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  SourceFormat,
  type WorkflowsArchiveRequest,
  WorkflowsArchiveRequestSchema,
  type WorkflowsCreateRequest,
  WorkflowsCreateRequestSchema,
  type WorkflowsDeleteRequest,
  WorkflowsDeleteRequestSchema,
  type WorkflowsUnarchiveRequest,
  WorkflowsUnarchiveRequestSchema,
  type WorkflowsUpdateRequest,
  WorkflowsUpdateRequestSchema,
} from "../../../gen/workflows/ops/v1/workflow_changes_pb.ts";
import type { RunLimit } from "../../engine/values/run-limit.ts";
import type { Order, WorkflowUpdate } from "../../runtime/workflows.ts";
import type { DefinitionRow } from "../../store/reads/definitions.ts";
import { recordedActor } from "./actor.ts";
import { requireDefinition, unknownDefinition } from "./definitions.ts";
import { checkFields } from "./fields.ts";
import { readRunLimit } from "./run-limits.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { formatOf, readDraft, readMessage } from "./workflow-drafts.ts";
import { readWorkflow } from "./workflow-message.ts";

/** Fields that Update changes. */
const UPDATED = [
  ...(["name", "description", "tags", "owner", "team"] as const),
  ...(["run_limit", "high_failure_rate", "announces_starts"] as const),
] as const;

/** Create: with a source text that becomes the draft, whatever faults it has. */
export function createWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: WorkflowsCreateRequest) => {
    const { workspaceId, name, description, tags, owner, team, sourceText } = request;
    const faults = checkFields(WorkflowsCreateRequestSchema, request);
    faults.require("workspace_id", workspaceId);
    faults.require("name", name.trim());
    const runLimit = readRunLimit(request.runLimit, faults);
    faults.refuseIfAny();
    const order = orderOf(deps, request);
    const read = await readFirst(sources, request);
    const format = formatOf({ format: SourceFormat.UNSPECIFIED, sourceText });
    const text = { sourceText, format, layout: undefined, savedBy: order.by };
    const draft = read && { ...text, faultCount: read.faultCount };
    const id = await deps.write.workflows.create({
      ...{ workspaceId, name, description, tags, owner, team, runLimit, draft },
      ...order,
    });
    return { workflow: await readWorkflow(deps, id), faults: read?.faults ?? [] };
  };
}

/** What was made by a call whose answer was lost. */
export function createdWith(sources: SourceReader) {
  return async (deps: ReadDeps, request: WorkflowsCreateRequest, id: string) => {
    const read = await readFirst(sources, request);
    return { workflow: await readWorkflow(deps, id), faults: read?.faults ?? [] };
  };
}

/** Undefined without a text. */
async function readFirst(
  sources: SourceReader,
  { workspaceId, name, sourceText }: WorkflowsCreateRequest,
) {
  if (sourceText === "") return undefined;
  return readMessage(await readDraft(sources, { workspaceId, name }, sourceText));
}

/** Update. */
export async function answerUpdate(deps: WriteDeps, request: WorkflowsUpdateRequest) {
  const { definitionId, etag, updateMask: paths } = request;
  const faults = checkFields(WorkflowsUpdateRequestSchema, request);
  faults.require("definition_id", definitionId);
  faults.require("etag", etag);
  if (paths.length === 0) faults.add("update_mask", `names nothing; it may name ${list(UPDATED)}`);
  const unknown = paths.find((path) => !UPDATED.some((field) => field === path));
  if (unknown !== undefined) {
    faults.add("update_mask", `names "${unknown}"; it may name ${list(UPDATED)}`);
  }
  if (paths.includes("name")) faults.require("name", request.name.trim());
  const runLimit = readRunLimit(request.runLimit, faults);
  const { highFailureRate: rate } = request;
  if (!(rate >= 0 && rate <= 1)) {
    faults.add("high_failure_rate", `is ${rate}; it must be 0 (that of the service) to 1`);
  }
  faults.refuseIfAny();
  await requireDefinition(deps, definitionId);
  const order = { ...orderOf(deps, request), definitionId, etag };
  await deps.write.workflows.update(order, updateOf({ ...request, runLimit }, paths));
  return { workflow: await readWorkflow(deps, definitionId) };
}

function updateOf(
  request: Omit<WorkflowsUpdateRequest, "runLimit"> & { readonly runLimit: RunLimit },
  paths: readonly string[],
): WorkflowUpdate {
  const { name, description, tags, owner, team, runLimit, announcesStarts } = request;
  const highFailureRate = request.highFailureRate === 0 ? null : request.highFailureRate;
  const has = (field: (typeof UPDATED)[number]) => paths.includes(field);
  return {
    ...(has("name") ? { name } : {}),
    ...(has("description") ? { description } : {}),
    ...(has("tags") ? { tags } : {}),
    ...(has("owner") ? { owner } : {}),
    ...(has("team") ? { team } : {}),
    ...(has("run_limit") ? { runLimit } : {}),
    ...(has("high_failure_rate") ? { highFailureRate } : {}),
    ...(has("announces_starts") ? { announcesStarts } : {}),
  };
}

function list(names: readonly string[]): string {
  return names.join(", ");
}

/** Archive. */
export async function answerArchive(deps: WriteDeps, request: WorkflowsArchiveRequest) {
  const { definitionId } = await requireOne(deps, WorkflowsArchiveRequestSchema, request);
  await deps.write.workflows.archive({ ...orderOf(deps, request), definitionId });
  return { workflow: await readWorkflow(deps, definitionId) };
}

/** Unarchive. */
export async function answerUnarchive(deps: WriteDeps, request: WorkflowsUnarchiveRequest) {
  const { definitionId } = await requireOne(deps, WorkflowsUnarchiveRequestSchema, request);
  await deps.write.workflows.unarchive({ ...orderOf(deps, request), definitionId });
  return { workflow: await readWorkflow(deps, definitionId) };
}

/** Delete. */
export async function answerDelete(deps: WriteDeps, request: WorkflowsDeleteRequest) {
  const { definitionId, definition } = await requireOne(
    deps,
    WorkflowsDeleteRequestSchema,
    request,
  );
  if (!["", definition.workspaceId].includes(request.workspaceId)) {
    throw unknownDefinition(definitionId);
  }
  await deps.write.workflows.delete({ ...orderOf(deps, request), definitionId });
  return {};
}

/** The answer to a change of a workflow that is committed. */
export async function answerChangedAgain(
  deps: ReadDeps,
  { definitionId }: { readonly definitionId: string },
) {
  return { workflow: await readWorkflow(deps, definitionId) };
}

async function requireOne<Desc extends DescMessage>(
  deps: ReadDeps,
  desc: Desc,
  request: MessageShape<Desc> & { readonly definitionId: string },
): Promise<{ definitionId: string; definition: DefinitionRow }> {
  const { definitionId } = request;
  const faults = checkFields(desc, request);
  faults.require("definition_id", definitionId);
  faults.refuseIfAny();
  return { definitionId, definition: await requireDefinition(deps, definitionId) };
}

function orderOf(deps: WriteDeps, { reason }: { readonly reason: string }): Order {
  return { by: recordedActor(deps) ?? "", reason };
}
