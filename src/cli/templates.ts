/** `workflows templates`: the gallery and what the workspace keeps as a list, one template, and a workflow made of one. */
import { toJson } from "@bufbuild/protobuf";
import {
  type Template,
  TemplateNeedKind,
  TemplateSchema,
  TemplatesInstallResponseSchema,
} from "../../gen/workflows/ops/v1/templates_pb.ts";
import { isJsonObject, type Json, ownValue } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, textOption } from "./call.ts";
import { CliFailure, EXIT, findFailure, usageFault } from "./failure.ts";
import { readFields } from "./field-options.ts";
import { oneLine } from "./one-line.ts";
import { connectService, FieldsRefused, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

type Action = (service: Service, id: string, call: Call) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = {
  ...{ list, show, install },
  save: async (...call) => (await import("./save-template.ts")).save(...call),
  delete: async (...call) => (await import("./save-template.ts")).remove(...call),
};

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [name = "", id = ""] = call.args;
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  if (act === list && id !== "") throw usageFault("list takes no template: use show");
  if (act !== list && id === "") throw usageFault(`${name} needs an id: workflows templates list`);
  return act(connectService(await readSettings(call.options), textOption(call, "key")), id, call);
}

async function list({ templates, settings }: Service, _id: string, call: Call): Promise<number> {
  const { out } = call;
  const { templates: found } = await templates.list({
    workspaceId: settings.workspace,
    category: textOption(call, "category") ?? "",
    text: textOption(call, "text") ?? "",
  });
  if (out.json) for (const each of found) out.object(jsonOf(each));
  else if (out.quiet) for (const each of found) out.line(each.id);
  else {
    const rows = found.map(({ id, category, summary, builtIn }) => [
      ...[id, category, builtIn ? "the gallery" : "this workspace", summary],
    ]);
    out.table(["ID", "CATEGORY", "OF", "WHAT IT DOES"], rows);
    if (found.length === 0) out.talk("no template is like that");
  }
  return EXIT.done;
}

/** What it needs and takes, then its file. */
async function show({ templates, settings }: Service, id: string, call: Call): Promise<number> {
  const { out } = call;
  const { template } = await templates.get({ id, workspaceId: settings.workspace });
  if (template === undefined) throw new CliFailure("the service answers without it", EXIT.failed);
  if (out.json) out.object(jsonOf(template));
  else if (out.quiet) out.line(template.id);
  else {
    out.line(oneLine(`# ${template.title}: ${template.summary}`));
    for (const { kind, name, purpose } of template.needs) {
      const what = nameOf(TemplateNeedKind, kind).toLowerCase();
      out.line(oneLine(`# needs ${what} ${name}: ${purpose}`));
    }
    for (const line of parametersOf(template)) out.line(oneLine(`# ${line}`));
    for (const { name } of template.scenarios) out.line(oneLine(`# scenario: ${name}`));
    for (const line of template.sourceText.trimEnd().split("\n")) out.line(oneLine(line));
  }
  return EXIT.done;
}

function parametersOf({ parameters }: Template): string[] {
  const properties = parameters === undefined ? undefined : ownValue(parameters, "properties");
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).map(([name, property]) => {
    const of = (key: string) => (isJsonObject(property) ? ownValue(property, key) : undefined);
    return `--set ${name}=${JSON.stringify(of("default") ?? null)}: ${String(of("description") ?? "")}`;
  });
}

async function install({ templates, settings }: Service, id: string, call: Call): Promise<number> {
  const { out } = call;
  const parameters = readFields(call, "set");
  try {
    const made = await templates.install({
      workspaceId: settings.workspace,
      templateId: id,
      name: textOption(call, "name") ?? "",
      note: textOption(call, "note") ?? "",
      ...(parameters === undefined ? {} : { parameters }),
    });
    const { definition, version } = made;
    if (out.json) {
      out.object(toJson(TemplatesInstallResponseSchema, made, { useProtoFieldName: true }) as Json);
    } else if (out.quiet) out.line(definition?.id ?? "");
    else {
      const name = definition?.name ?? "";
      out.line(
        oneLine(`${name}: created, version ${version?.version ?? 0} ${definition?.id ?? ""}`),
      );
      out.talk(`change it: workflows export ${name} -o ${name}.workflow.yaml`);
    }
    return EXIT.done;
  } catch (error) {
    const failure = findFailure(error);
    if (!(failure instanceof FieldsRefused)) throw error;
    const lines = failure.violations.map(({ field, description }) => `${field}: ${description}`);
    throw new CliFailure(["nothing was installed", ...lines].join("\n"), EXIT.usage, {
      cause: failure,
    });
  }
}

function jsonOf(template: Template): Json {
  return toJson(TemplateSchema, template, { useProtoFieldName: true }) as Json;
}
