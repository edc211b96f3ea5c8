/**
 * The RPCs of Templates.
 * Boundary: requests and answers; a template is filled in by src/templates/, and published as PublishSource does.
 */
import {
  TemplateNeedKind,
  type TemplatesGetRequest,
  TemplatesGetRequestSchema,
  type TemplatesInstallRequest,
  TemplatesInstallRequestSchema,
  type TemplatesListRequest,
  TemplatesListRequestSchema,
} from "../../../gen/workflows/ops/v1/templates_pb.ts";
import type { JsonObject } from "../../engine/values/json.ts";
import { Refusal } from "../../process/refusal.ts";
import { readPublishedId } from "../../runtime/publish-source.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { fillTemplate, parameterFaults, valuesOf } from "../../templates/fill-template.ts";
import { readGallery } from "../../templates/gallery.ts";
import type { Template, TemplateNeed } from "../../templates/template.ts";
import { refuseAgent } from "./actor.ts";
import { checkFields } from "./fields.ts";
import { findOutputFaults } from "./output-schema.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { publishText, readPublishedSource } from "./sources.ts";

const NEEDS: Readonly<Record<TemplateNeed["kind"], TemplateNeedKind>> = {
  capability: TemplateNeedKind.CAPABILITY,
  queue: TemplateNeedKind.QUEUE,
  collaborator: TemplateNeedKind.COLLABORATOR,
  events: TemplateNeedKind.EVENTS,
};

/** List. */
export async function answerListTemplates(_deps: ReadDeps, request: TemplatesListRequest) {
  checkFields(TemplatesListRequestSchema, request).refuseIfAny();
  const { category, text } = request;
  const templates = await readGallery();
  const wanted = text.toLowerCase();
  const found = templates.filter(
    (each) =>
      (category === "" || each.category.toLowerCase() === category.toLowerCase()) &&
      [each.id, each.title, each.summary].some((words) => words.toLowerCase().includes(wanted)),
  );
  const categories = [...new Set(templates.map((each) => each.category))].sort();
  return { templates: found.map(headOf), categories };
}

/** Get. */
export async function answerGetTemplate(_deps: ReadDeps, request: TemplatesGetRequest) {
  const faults = checkFields(TemplatesGetRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  const template = await requireTemplate(request.id);
  return {
    template: {
      ...headOf(template),
      sourceText: template.source,
      scenarios: template.scenarios.map(({ name, input, mocks, path, outcome }) => ({
        ...{ name, input, mocks, path: [...path], outcome: `RUN_OUTCOME_${outcome}` },
      })),
    },
  };
}

/** Install. */
export function installTemplateWith(sources: SourceReader) {
  return async (deps: WriteDeps, request: TemplatesInstallRequest) => {
    const { workspaceId, templateId, note } = request;
    const faults = checkFields(TemplatesInstallRequestSchema, request);
    faults.require("workspace_id", workspaceId);
    faults.require("template_id", templateId);
    faults.refuseIfAny();
    refuseAgent(deps.caller, "an agent deploys nothing");
    const template = await requireTemplate(templateId);
    const given: JsonObject = request.parameters ?? {};
    for (const { field, description } of parameterFaults(template, given)) {
      faults.add(field, description);
    }
    faults.refuseIfAny();
    const values = valuesOf(template, given);
    for (const { field, description } of findOutputFaults(
      template.parameters,
      values,
      "parameters",
    )) {
      faults.add(field, description);
    }
    faults.refuseIfAny();
    const name = request.name.trim() === "" ? template.id : request.name;
    const sourceText = fillTemplate(template, values, name);
    const published = await publishText(deps, sources, {
      ...{ workspaceId, sourceText, layout: undefined, note, mustBeNew: true },
    });
    return { ...published, sourceText };
  };
}

/** What was installed by a call whose answer was lost. */
export async function readInstalled(
  deps: WriteDeps,
  request: TemplatesInstallRequest,
  madeId: string,
) {
  const published = await readPublishedSource(deps, request, madeId);
  const { versionId } = readPublishedId(madeId);
  const source = await findVersionSource(deps.database.callers, deps.visibility, versionId);
  return { ...published, sourceText: source?.sourceText ?? "" };
}

async function requireTemplate(id: string): Promise<Template> {
  const found = (await readGallery()).find((template) => template.id === id);
  if (found !== undefined) return found;
  const resource = { type: "template", name: id };
  throw new Refusal("not_found", `there is no template ${id}`, { resource });
}

function headOf({ id, version, title, summary, category, parameters, needs }: Template) {
  return {
    ...{ id, version, title, summary, category, parameters },
    needs: needs.map(({ kind, name, purpose }) => ({ kind: NEEDS[kind], name, purpose })),
  };
}
