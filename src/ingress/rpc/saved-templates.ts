/**
 * The RPCs of Templates that change what a workspace keeps: Save and Delete.
 * Boundary: requests and answers, and what a template may hold; rows are runtime/workspace-templates.ts.
 * Invariant: what is saved is a workflow file without faults once the defaults of its parameters are filled in.
 */
import {
  type TemplatesDeleteRequest,
  TemplatesDeleteRequestSchema,
  type TemplatesSaveRequest,
  TemplatesSaveRequestSchema,
} from "../../../gen/workflows/ops/v1/templates_pb.ts";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  ownValue,
} from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { unknownTemplate } from "../../runtime/workspace-templates.ts";
import { findVersion } from "../../store/reads/definitions.ts";
import { findDraft } from "../../store/reads/drafts.ts";
import { findTemplate } from "../../store/reads/templates.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { namesIn, propertiesOf, valuesOf } from "../../templates/fill-template.ts";
import { readGallery } from "../../templates/gallery.ts";
import { NEED_KINDS, type Template } from "../../templates/template.ts";
import { recordedActor } from "./actor.ts";
import { requireDefinition } from "./definitions.ts";
import { checkFields, type Faults } from "./fields.ts";
import { findOutputFaults, findSchemaProblem } from "./output-schema.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { requireWorkflow } from "./sources.ts";
import { rowMessage } from "./template-messages.ts";
import { noDraft, unknownVersion } from "./workflow-message.ts";

const ID = /^[a-z][a-z0-9-]{0,63}$/;
const PARAMETER = /^[a-z][a-z0-9_]{0,63}$/;
const TYPES: readonly Json[] = ["string", "number", "integer", "boolean"];
const PARAMETERS_AT_MOST = 50;
const PARAMETER_BYTES = 16 * 1024;
const NEEDS_AT_MOST = 50;

/** Save. */
export function saveTemplateWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: TemplatesSaveRequest) => {
    const { workspaceId, id, title, summary, category, etag, reason } = request;
    const faults = checkFields(TemplatesSaveRequestSchema, request);
    checkHead(request, faults);
    checkNeeds(request, faults);
    const parameters = schemaOf(request.parameters ?? {}, faults);
    faults.refuseIfAny();
    await refuseGallery(id);
    const source = await sourceOf(deps, request);
    checkParameters({ parameters, source }, faults);
    faults.refuseIfAny();
    const values = valuesOf({ parameters }, {});
    const { sourceText } = await sources.fill(workspaceId, { source, values, name: id });
    requireWorkflow(await sources.read(workspaceId, sourceText));
    const row = await deps.write.workflows.saveTemplate({
      ...{ workspaceId, id, title, summary, category, etag, reason, sourceText: source },
      savedBy: recordedActor(deps) ?? "",
      parametersJson: JSON.stringify(parameters),
      needsJson: JSON.stringify(needsOf(request)),
    });
    return { template: rowMessage(row) };
  };
}

/** The template of a call of Save whose answer was lost. */
export async function readSavedTemplate(
  { database, visibility }: ReadDeps,
  { workspaceId }: TemplatesSaveRequest,
  id: string,
) {
  const row = await findTemplate(database.callers, visibility, { workspaceId, id });
  if (row === undefined) throw unknownTemplate(id);
  return { template: rowMessage(row) };
}

/** Delete. */
export async function answerDeleteTemplate(deps: WriteDeps, request: TemplatesDeleteRequest) {
  const { workspaceId, id, etag, reason } = request;
  const faults = checkFields(TemplatesDeleteRequestSchema, request);
  faults.require("workspace_id", workspaceId);
  faults.require("id", id);
  faults.refuseIfAny();
  await deps.write.workflows.deleteTemplate({
    ...{ workspaceId, id, etag, reason },
    by: recordedActor(deps) ?? "",
  });
  return {};
}

function checkHead(request: TemplatesSaveRequest, faults: Faults): void {
  const { workspaceId, id, title, definitionId, sourceText, version, draft } = request;
  faults.require("workspace_id", workspaceId);
  faults.require("title", title.trim());
  if (!ID.test(id)) {
    faults.add("id", "must be 1 to 64 of a-z, 0-9 and -, and begin with a letter");
  }
  if ((sourceText === "") === (definitionId === "")) {
    faults.add("source_text", "or definition_id is required, and not both");
  }
  if (draft && version !== undefined) faults.add("version", "is not that of a draft: leave it out");
}

function checkNeeds({ needs }: TemplatesSaveRequest, faults: Faults): void {
  if (needs.length > NEEDS_AT_MOST) faults.add("needs", `has more than ${NEEDS_AT_MOST}`);
  for (const [at, { kind, name }] of needs.entries()) {
    if (NEED_KINDS[kind - 1] === undefined) faults.add(`needs[${at}].kind`, "is required");
    faults.require(`needs[${at}].name`, name);
  }
}

function needsOf({ needs }: TemplatesSaveRequest): Template["needs"] {
  return needs.flatMap(({ kind, name, purpose }) => {
    const known = NEED_KINDS[kind - 1];
    return known === undefined ? [] : [{ kind: known, name, purpose }];
  });
}

/** The schema of the parameters as it is kept: of an object that has no others. */
function schemaOf(given: JsonObject, faults: Faults): JsonObject {
  const properties = ownValue(given, "properties") ?? {};
  const schema = { ...given, type: "object", properties, additionalProperties: false };
  if (!isJsonObject(properties)) {
    faults.add("parameters.properties", "must be an object with a schema of each parameter");
    return schema;
  }
  const bytes = jsonSizeBytes(schema);
  const named = Object.entries(properties);
  if (bytes > PARAMETER_BYTES) {
    faults.add("parameters", `has ${bytes} bytes, over the limit of ${PARAMETER_BYTES}`);
  } else if (named.length > PARAMETERS_AT_MOST) {
    faults.add("parameters", `has more than ${PARAMETERS_AT_MOST} parameters`);
  } else {
    for (const [name, property] of named) checkProperty(name, property, faults);
    const problem = findSchemaProblem(schema);
    if (problem !== undefined) faults.add("parameters", problem);
  }
  return schema;
}

function checkProperty(name: string, property: Json, faults: Faults): void {
  const field = `parameters.properties.${name}`;
  if (!PARAMETER.test(name)) {
    faults.add(field, "must be named by a-z, 0-9 and _, and begin with a letter");
  }
  if (!isJsonObject(property)) {
    faults.add(field, "must be a schema");
    return;
  }
  const description = ownValue(property, "description");
  if (!TYPES.includes(ownValue(property, "type") ?? null)) {
    faults.add(`${field}.type`, `must be one of ${TYPES.join(", ")}`);
  }
  if (typeof description !== "string" || description === "") {
    faults.add(`${field}.description`, "is required: it says what the parameter is");
  }
  if (ownValue(property, "default") === undefined) {
    faults.add(`${field}.default`, "is required: a template is installed by one call");
  }
}

/** The parameters beside the text: each one stands in it, and no other name does. */
function checkParameters(template: Pick<Template, "parameters" | "source">, faults: Faults): void {
  const names = Object.keys(propertiesOf(template));
  const used = namesIn(template.source);
  for (const name of names) {
    if (used.has(name)) continue;
    faults.add(`parameters.properties.${name}`, `stands nowhere in the text as $(${name})`);
  }
  for (const name of used) {
    if (names.includes(name)) continue;
    faults.add("source_text", `has $(${name}), and there is no parameter ${name}`);
  }
  const { parameters } = template;
  const values = valuesOf(template, {});
  for (const { field, description } of findOutputFaults(parameters, values, "parameters")) {
    faults.add(field, `${description}, by its default`);
  }
}

/** The gallery belongs to every workspace, and what an id means there does not change. */
async function refuseGallery(id: string): Promise<void> {
  if (!(await readGallery()).some((template) => template.id === id)) return;
  const resource = { type: "template", name: id };
  const message = `${id} is a template of the gallery: take another id`;
  throw new Refusal("already_exists", message, { resource });
}

/** The text that is saved. Refuses not_found, and illegal_move where the version was published without a text. */
async function sourceOf(deps: ReadDeps, request: TemplatesSaveRequest): Promise<string> {
  const { sourceText, definitionId, draft } = request;
  if (sourceText !== "") return sourceText;
  const { database, visibility } = deps;
  const definition = await requireDefinition(deps, definitionId);
  if (definition.workspaceId !== request.workspaceId) throw unknownVersion(definitionId, 0);
  if (draft) {
    const row = await findDraft(database.callers, visibility, definitionId);
    if (row === undefined) throw noDraft(definitionId);
    return row.sourceText;
  }
  const number = request.version ?? definition.latestVersion;
  const version =
    number === 0
      ? undefined
      : await findVersion(database.callers, visibility, definitionId, number);
  if (version === undefined) throw unknownVersion(definitionId, number);
  const source = await findVersionSource(database.callers, visibility, version.id);
  if (source !== undefined) return source.sourceText;
  const words = "was published without a text: export it as a file, and save that as source_text";
  throw new Refusal("illegal_move", `version ${number} ${words}`);
}
