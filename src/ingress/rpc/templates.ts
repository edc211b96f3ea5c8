/**
 * The RPCs of Templates that list, show and install.
 * Boundary: requests and answers; a template is filled in by src/templates/ in the thread of texts, and published as PublishSource does.
 */
import {
  type TemplatesGetRequest,
  TemplatesGetRequestSchema,
  type TemplatesInstallRequest,
  TemplatesInstallRequestSchema,
  type TemplatesListRequest,
  TemplatesListRequestSchema,
} from "../../../gen/workflows/ops/v1/templates_pb.ts";
import { type JsonObject, textSizeBytes } from "../../engine/values/json.ts";
import { readPublishedId } from "../../runtime/publish-source.ts";
import { unknownTemplate } from "../../runtime/workspace-templates.ts";
import { findTemplate, listTemplates, type TemplateHeadRow } from "../../store/reads/templates.ts";
import { findVersionSource } from "../../store/reads/version-sources.ts";
import { parameterFaults, valuesOf } from "../../templates/fill-template.ts";
import { readGallery } from "../../templates/gallery.ts";
import type { Template } from "../../templates/template.ts";
import { refuseAgent } from "./actor.ts";
import { checkFields } from "./fields.ts";
import { ANSWER_BYTES, nameLeftOut } from "./left-out.ts";
import { findOutputFaults } from "./output-schema.ts";
import type { ReadDeps, WriteDeps } from "./service-deps.ts";
import type { SourceReader } from "./source-reader.ts";
import { publishText, readPublishedSource } from "./sources.ts";
import { headOf, rowHead, rowMessage, templateOf } from "./template-messages.ts";

/** Of the parameters and needs in a list. Titles, summaries and reasons of a hundred templates have the rest. */
const HEADS_BYTES = ANSWER_BYTES - 1_536 * 1024;

/** List: the gallery, and what the workspace keeps. */
export async function answerListTemplates(deps: ReadDeps, request: TemplatesListRequest) {
  checkFields(TemplatesListRequestSchema, request).refuseIfAny();
  const { category, text, workspaceId } = request;
  const { database, visibility } = deps;
  const kept =
    workspaceId === "" ? [] : await listTemplates(database.callers, visibility, workspaceId);
  const heads = new Map<ReturnType<typeof headOf>, TemplateHeadRow>(
    kept.map((row) => [rowHead(row), row]),
  );
  const templates = [...(await readGallery()).map(headOf), ...heads.keys()];
  const wanted = text.toLowerCase();
  const found = templates.filter(
    (each) =>
      (category === "" || each.category.toLowerCase() === category.toLowerCase()) &&
      [each.id, each.title, each.summary].some((words) => words.toLowerCase().includes(wanted)),
  );
  found.sort(byTitle);
  const categories = [...new Set(templates.map((each) => each.category))].sort();
  const bare = bareIds(found.flatMap((each) => heads.get(each) ?? []));
  nameLeftOut(deps, [...bare]);
  return {
    templates: found.map((each) =>
      bare.has(each.id) ? { ...each, parameters: undefined, needs: [] } : each,
    ),
    categories: categories.filter((each) => each !== ""),
  };
}

/** Those whose parameters and needs do not fit into an answer any more. What all of them are called fits. */
function bareIds(rows: readonly TemplateHeadRow[]): Set<string> {
  let bytes = 0;
  const bare = rows.filter(({ parametersJson, needsJson }) => {
    bytes += textSizeBytes(parametersJson) + textSizeBytes(needsJson);
    return bytes > HEADS_BYTES;
  });
  return new Set(bare.map(({ id }) => id));
}

/** Get. */
export async function answerGetTemplate(deps: ReadDeps, request: TemplatesGetRequest) {
  const faults = checkFields(TemplatesGetRequestSchema, request);
  faults.require("id", request.id);
  faults.refuseIfAny();
  const kept = await findKept(deps, request);
  if (kept !== undefined) return { template: rowMessage(kept) };
  const template = await requireBuiltIn(request.id);
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
    const kept = await findKept(deps, { workspaceId, id: templateId });
    const template = kept === undefined ? await requireBuiltIn(templateId) : templateOf(kept);
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
    const { source } = template;
    const { sourceText } = await sources.fill(workspaceId, { source, values, name });
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

/** The template that the workspace keeps, which comes before one of the gallery that a later release has. */
async function findKept(
  { database, visibility }: ReadDeps,
  named: { readonly workspaceId: string; readonly id: string },
) {
  if (named.workspaceId === "") return undefined;
  return findTemplate(database.callers, visibility, named);
}

async function requireBuiltIn(id: string): Promise<Template> {
  const found = (await readGallery()).find((template) => template.id === id);
  if (found !== undefined) return found;
  throw unknownTemplate(id);
}

function byTitle(one: { readonly title: string }, other: { readonly title: string }): number {
  return one.title < other.title ? -1 : 1;
}
