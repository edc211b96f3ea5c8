/** `workflows templates save` and `delete`: templates that the workspace keeps. */
import { toJson } from "@bufbuild/protobuf";
import { parse } from "yaml";
import {
  type Template,
  TemplateNeedKind,
  TemplateSchema,
} from "../../gen/workflows/ops/v1/templates_pb.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";
import { MAX_SOURCE_BYTES } from "../file/source-text.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { CliFailure, EXIT, findFailure, usageFault } from "./failure.ts";
import { readCount } from "./numbers.ts";
import { oneLine } from "./one-line.ts";
import { readTextAtMost } from "./read-at-most.ts";
import type { Service } from "./service.ts";
import { idOf } from "./show-workflow.ts";

/** Of the file that describes a template. */
const ABOUT_BYTES = 65_536;

/** Saves a template of a file, a version or a draft. */
export async function save(service: Service, id: string, call: Call): Promise<number> {
  const { templates, settings } = service;
  const about = readAbout(call);
  const text = (name: string) => textOption(call, name) ?? wordOf(about, name);
  const parameters = ownValue(about, "parameters");
  const title = text("title");
  if (title === "") throw usageFault("a template has a title: give --title, or --about FILE");
  const { template } = await templates.save({
    ...{ workspaceId: settings.workspace, id, title, summary: text("summary") },
    ...{ category: text("category"), reason: textOption(call, "reason") ?? "" },
    ...(isJsonObject(parameters) ? { parameters: { properties: parameters } } : {}),
    needs: needsOf(about),
    etag: flagOption(call, "replace") ? await etagOf(service, id) : "",
    ...(await sourceOf(service, call)),
  });
  return printSaved(template, call);
}

/** Deletes a template. */
export async function remove(service: Service, id: string, call: Call): Promise<number> {
  const { templates, settings } = service;
  const { workspace: workspaceId } = settings;
  await templates.delete({ workspaceId, id, reason: textOption(call, "reason") ?? "" });
  call.out.line(oneLine(id));
  return EXIT.done;
}

/** The text, or whose it is. */
async function sourceOf(service: Service, call: Call) {
  const [file, from] = [textOption(call, "file"), textOption(call, "from")];
  if ((file === undefined) === (from === undefined)) {
    throw usageFault("give --file FILE or --from WORKFLOW, and not both");
  }
  if (file !== undefined) return { sourceText: readTextAtMost(file, MAX_SOURCE_BYTES, file) };
  const version = readCount(call, "version");
  return {
    definitionId: await idOf(service, from ?? ""),
    draft: flagOption(call, "draft"),
    ...(version === undefined ? {} : { version }),
  };
}

/** The etag of the template that is there; "": there is none. */
async function etagOf({ templates, settings }: Service, id: string): Promise<string> {
  try {
    const { template } = await templates.get({ id, workspaceId: settings.workspace });
    return template?.etag ?? "";
  } catch (error) {
    if (findFailure(error)?.exitCode === EXIT.notFound) return "";
    throw error;
  }
}

/** The file with title, summary, category, parameters and needs, as those of the gallery; {} without one. */
function readAbout(call: Call): JsonObject {
  const path = textOption(call, "about");
  if (path === undefined) return {};
  const source = readTextAtMost(path, ABOUT_BYTES, path);
  let value: Json;
  try {
    value = parse(source);
  } catch (error) {
    throw usageFault(`${path} is no YAML: ${error instanceof Error ? error.message : ""}`, error);
  }
  if (isJsonObject(value)) return value;
  throw usageFault(`${path} must be a mapping with title, summary, category, parameters and needs`);
}

function wordOf(about: JsonObject, key: string): string {
  const value = ownValue(about, key);
  return typeof value === "string" ? value : "";
}

/** `needs: { queue: { mail: sends mails } }` */
function needsOf(about: JsonObject) {
  const needs = ownValue(about, "needs");
  if (!isJsonObject(needs)) return [];
  return Object.entries(needs).flatMap(([kind, named]) => {
    const known = Object.entries(TemplateNeedKind).find(([name]) => name === kind.toUpperCase());
    if (known === undefined || !isJsonObject(named)) {
      throw usageFault(`needs.${kind}: write capability, queue, collaborator or events with names`);
    }
    return Object.entries(named).map(([name, purpose]) => ({
      ...{ kind: known[1] as TemplateNeedKind, name, purpose: String(purpose) },
    }));
  });
}

function printSaved(template: Template | undefined, { out }: Call): number {
  if (template === undefined) throw new CliFailure("the service answers without it", EXIT.failed);
  const { id, version } = template;
  if (out.json) out.object(toJson(TemplateSchema, template, { useProtoFieldName: true }) as Json);
  else if (out.quiet) out.line(id);
  else {
    out.line(oneLine(`${id}: saved, version ${version}`));
    out.talk(oneLine(`use it: workflows templates install ${id}`));
  }
  return EXIT.done;
}
