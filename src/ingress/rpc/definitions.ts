/**
 * RPCs of definitions and versions.
 * Boundary: reads requests and makes answers; what a version must keep is the engine's check, storing is runtime's.
 */
import {
  type CreateDefinitionRequest,
  CreateDefinitionRequestSchema,
  type GetDefinitionRequest,
  GetDefinitionRequestSchema,
  type ListDefinitionsRequest,
  ListDefinitionsRequestSchema,
  type ListVersionsRequest,
  ListVersionsRequestSchema,
  type PublishVersionRequest,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { type FieldFault, Refusal } from "../../process/refusal.ts";
import { inPieces } from "../../runtime/in-pieces.ts";
import {
  type DefinitionRow,
  findDefinition,
  findVersions,
  listDefinitions,
  specOfVersion,
  type VersionRow,
} from "../../store/reads/definitions.ts";
import { listVersions } from "../../store/reads/version-lists.ts";
import { readVersionSpec, toDefinitionMessage, toVersionMessage } from "../../wire/definitions.ts";
import { fitDefinitions, fitVersions } from "../../wire/fitted-definitions.ts";
import { recordedActor, refuseEnvironment } from "./actor.ts";
import { checkFields, checkText, invalidFields, readPage } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import { checkedBeside, schemaFaults } from "./version-faults.ts";

/** Versions of a list. Older ones are reached by StartRun alone. */
const VERSIONS_LISTED = 3_000;

/** CreateDefinition: needs a workspace and a name that the workspace has not yet. */
export async function answerCreateDefinition(deps: WriteDeps, request: CreateDefinitionRequest) {
  const { workspaceId, name, description, tags } = request;
  const faults = checkFields(CreateDefinitionRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.require("name", name.trim());
  faults.refuseIfAny();
  const row = await deps.write.createDefinition(
    { workspaceId, name, description, tags },
    recordedActor(deps) ?? "",
  );
  return { definition: toDefinitionMessage(row) };
}

/** GetDefinition. */
export async function answerGetDefinition(deps: ReadDeps, request: GetDefinitionRequest) {
  const faults = checkFields(GetDefinitionRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  return readDefinition(deps, request.id);
}

/** A definition by its id, as CreateDefinition and GetDefinition answer. */
export async function readDefinition(deps: ReadDeps, id: string) {
  return { definition: toDefinitionMessage(await requireDefinition(deps, id)) };
}

/** ListDefinitions: newest first, of one workspace; the last ones without description and tags, where they are too long. */
export async function answerListDefinitions(deps: ReadDeps, request: ListDefinitionsRequest) {
  const { workspaceId, tag } = request;
  const faults = checkFields(ListDefinitionsRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  const page = readPage(request, faults);
  faults.refuseIfAny();
  const filters = { workspaceId, tag, ...page };
  const { rows, total } = await listDefinitions(deps.database.lists, deps.visibility, filters);
  const { definitions, leftOut } = fitDefinitions(rows.map(toDefinitionMessage), ANSWER_BYTES);
  nameLeftOut(deps, leftOut);
  return { definitions, total };
}

/** PublishVersion: every fault at once, those of reading before those of the engine's check. */
export async function answerPublishVersion(deps: WriteDeps, request: PublishVersionRequest) {
  refuseEnvironment(deps, "use PublishSource, or PublishDraft with deploy_to");
  const { spec, faults: unread } = readVersionSpec(request);
  const faults: FieldFault[] = [];
  if (request.definitionId === "") {
    faults.push({ field: "definition_id", description: "is required" });
  }
  checkText("definition_id", request.definitionId, faults);
  faults.push(...unread, ...(await inPieces(schemaFaults(spec.steps))));
  if (faults.length > 0) throw invalidFields(await inPieces(checkedBeside(spec, faults)));
  const { definition, version } = await deps.write.publishVersion(
    request.definitionId,
    spec,
    recordedActor(deps) ?? "",
  );
  return { version: toVersion(version), definition: toDefinitionMessage(definition) };
}

/** A version by its id, and its definition, as PublishVersion answers. */
export async function readPublished(deps: ReadDeps, versionId: string) {
  const [version] = await findVersions(deps.database.callers, deps.visibility, [versionId]);
  if (version === undefined) throw new Error(`version ${versionId} is not stored`);
  const definition = await requireDefinition(deps, version.definitionId);
  return { version: toVersion(version), definition: toDefinitionMessage(definition) };
}

/** ListVersions: all of a definition, newest first; the older ones without steps and edges, where they are too large. */
export async function answerListVersions(deps: ReadDeps, request: ListVersionsRequest) {
  const faults = checkFields(ListVersionsRequestSchema, request);
  faults.require("definition_id", request.definitionId);
  faults.refuseIfAny();
  await requireDefinition(deps, request.definitionId);
  const page = { limit: VERSIONS_LISTED, bytesAtMost: ANSWER_BYTES };
  const rows = await listVersions(deps.database.lists, deps.visibility, request.definitionId, page);
  const { versions, leftOut } = fitVersions(rows, ANSWER_BYTES);
  // Numbers have no gaps: so many are older than the last one that was read.
  const unread = (rows.at(-1)?.version ?? 1) - 1;
  nameLeftOut(deps, leftOut, unread);
  return { versions: versions.map(toVersion) };
}

/** The refusal for a definition that is unknown. */
export function unknownDefinition(id: string): Refusal {
  const resource = { type: "definition", name: id };
  return new Refusal("not_found", `there is no definition ${id}`, { resource });
}

/** The definition with this id. Refuses not_found. */
export async function requireDefinition(
  { database, visibility }: ReadDeps,
  id: string,
): Promise<DefinitionRow> {
  const row = await findDefinition(database.callers, visibility, id);
  if (row === undefined) throw unknownDefinition(id);
  return row;
}

/** workflows.v1.WorkflowVersion of a row. */
export function toVersion(row: VersionRow) {
  return toVersionMessage({ ...row, spec: specOfVersion(row) });
}
