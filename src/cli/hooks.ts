/** `workflows hooks`: who is asked before a workflow is changed. */
import { toJson } from "@bufbuild/protobuf";
import { type Hook, HookSchema, HookVerb } from "../../gen/workflows/ops/v1/hooks_pb.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { readEnums } from "./enum-option.ts";
import { EXIT, usageFault } from "./failure.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

type Action = (service: Service, call: Call, name: string) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = { put, list, delete: remove };

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [action = "", name = ""] = call.args;
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${action}" is not among ${names.join(", ")}${nearest(action, names)}`);
  }
  if (act !== list && name === "") throw usageFault(`${action} needs the name of a hook`);
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  return act(service, call, name);
}

/** In place of the hook that has the name now. */
async function put(service: Service, call: Call, name: string): Promise<number> {
  const { sources, settings } = service;
  const { workspace: workspaceId } = settings;
  const verbs = readEnums(call, "before", HookVerb);
  if (verbs.length === 0) throw usageFault("put needs --before: create, update, activate, pause …");
  const workflow = textOption(call, "workflow");
  const { hooks } = await sources.listHooks({ workspaceId });
  const { hook, secret } = await sources.putHook({
    ...{ workspaceId, name, verbs, url: textOption(call, "url") ?? "" },
    definitionId: workflow === undefined ? "" : (await requireDefinition(service, workflow)).id,
    governance: flagOption(call, "governance"),
    rotateSecret: flagOption(call, "rotateSecret"),
    etag: hooks.find((each) => each.name === name)?.etag ?? "",
    reason: textOption(call, "reason") ?? "",
  });
  const { out } = call;
  if (out.json) out.object({ hook: hook === undefined ? {} : jsonOf(hook), secret });
  else if (out.quiet) out.line(name);
  else {
    if (secret !== "") out.line(secret);
    const shown = secret === "" ? "is put" : "is put; its secret is not shown again";
    out.talk(`hook ${name} ${shown}`);
  }
  return EXIT.done;
}

async function list({ sources, settings }: Service, { out }: Call): Promise<number> {
  const { hooks } = await sources.listHooks({ workspaceId: settings.workspace });
  if (out.json) for (const each of hooks) out.object(jsonOf(each));
  else if (out.quiet) for (const { name } of hooks) out.line(name);
  else {
    out.table(["NAME", "BEFORE", "WORKFLOW", "URL", "GOVERNANCE", "BY"], hooks.map(rowOf));
    if (hooks.length === 0) out.talk("there are no hooks");
  }
  return EXIT.done;
}

async function remove({ sources, settings }: Service, call: Call, name: string): Promise<number> {
  const { workspace: workspaceId } = settings;
  await sources.deleteHook({ workspaceId, name, reason: textOption(call, "reason") ?? "" });
  if (call.out.json) call.out.object({ deleted: name });
  else call.out.line(call.out.quiet ? name : `${name} is deleted`);
  return EXIT.done;
}

function jsonOf(hook: Hook): JsonObject {
  return toJson(HookSchema, hook, { useProtoFieldName: true }) as JsonObject;
}

function rowOf({ name, verbs, definitionId, url, governance, changedBy }: Hook): string[] {
  const words = verbs.map((verb) => nameOf(HookVerb, verb).toLowerCase()).join(",");
  return [name, words, definitionId, url, governance ? "yes" : "", changedBy];
}
