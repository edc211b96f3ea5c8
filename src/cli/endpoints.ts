/** `workflows endpoints`: webhooks that start runs. */
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Endpoint,
  EndpointSchema,
  EndpointVerification,
} from "../../gen/workflows/ops/v1/endpoints_pb.ts";
import type { JsonObject } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import { type Call, flagOption, textOption } from "./call.ts";
import { requireDefinition } from "./definitions.ts";
import { enumWords, readEnum } from "./enum-option.ts";
import { EXIT, usageFault } from "./failure.ts";
import { readCount, readDurationMs } from "./numbers.ts";
import { timeText } from "./output.ts";
import { readTextAtMost } from "./read-at-most.ts";
import { connectService, type Service } from "./service.ts";
import { readSettings } from "./settings.ts";
import { nameOf } from "./show-run.ts";

type Action = (service: Service, call: Call, id: string) => Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = { create, rotate, list, delete: remove };
const SECRET_BYTES = 1_024;

/** The first argument says what is done. */
export async function run(call: Call): Promise<number> {
  const [name = "", id = ""] = call.args;
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (act === undefined) {
    const names = Object.keys(ACTIONS);
    throw usageFault(`"${name}" is not among ${names.join(", ")}${nearest(name, names)}`);
  }
  const needsId = act === rotate || act === remove;
  if (needsId && id === "") throw usageFault(`${name} needs an id: workflows endpoints list`);
  if (act === list && id !== "") throw usageFault(`list takes no id: use --workflow ${id}`);
  const service = connectService(await readSettings(call.options), textOption(call, "key"));
  return act(service, call, id);
}

async function create(service: Service, call: Call, name: string): Promise<number> {
  const reference = textOption(call, "workflow") ?? name;
  if (reference === "") throw usageFault("create needs the name of a workflow");
  const verification = readEnum(call, "verify", EndpointVerification);
  if (verification === undefined) {
    throw usageFault(`create needs --verify: ${enumWords(EndpointVerification).join(", ")}`);
  }
  const path = textOption(call, "secretFile");
  const secret = path === undefined ? "" : readTextAtMost(path, SECRET_BYTES, "the secret").trim();
  const { id: definitionId } = await requireDefinition(service, reference);
  const rotateOnPublish = flagOption(call, "rotateOnPublish");
  const made = await service.endpoints.create({
    ...{ environment: textOption(call, "environment") ?? "", rotateOnPublish },
    ...graceOf(call),
    ...{ definitionId, verification, secret },
    name: textOption(call, "name") ?? "",
    signatureHeader: textOption(call, "header") ?? "",
    reason: textOption(call, "reason") ?? "",
  });
  return print(call, service, made);
}

async function rotate(service: Service, call: Call, id: string): Promise<number> {
  const reason = textOption(call, "reason") ?? "";
  return print(call, service, await service.endpoints.rotate({ id, reason, ...graceOf(call) }));
}

function graceOf(call: Call): { graceSeconds?: number } {
  const graceMs = readDurationMs(call, "grace");
  return graceMs === undefined ? {} : { graceSeconds: Math.ceil(graceMs / 1_000) };
}

async function list(service: Service, call: Call): Promise<number> {
  const reference = textOption(call, "workflow");
  const workflow =
    reference === undefined ? undefined : await requireDefinition(service, reference);
  const { endpoints, totalSize } = await service.endpoints.list({
    workspaceId: service.settings.workspace,
    definitionId: workflow?.id ?? "",
    pageSize: readCount(call, "limit") ?? 0,
    showUrls: flagOption(call, "urls"),
  });
  const { out } = call;
  if (out.json) for (const each of endpoints) out.object(jsonOf(each));
  else if (out.quiet) for (const { id } of endpoints) out.line(id);
  else {
    const head = ["ID", "NAME", "WORKFLOW", "ENVIRONMENT", "VERIFICATION", "CREATED"];
    const showsUrls = flagOption(call, "urls");
    out.table(
      [...head, "OLD URL UNTIL", ...(showsUrls ? ["URL"] : [])],
      endpoints.map((each) => [
        ...rowOf(each),
        ...(showsUrls ? [wholeUrl(service, each.url)] : []),
      ]),
    );
    if (endpoints.length === 0) out.talk("there are no endpoints");
    else if (totalSize > endpoints.length)
      out.talk(`${endpoints.length} of ${totalSize}; --limit shows more`);
  }
  return EXIT.done;
}

async function remove({ endpoints }: Service, { out, ...call }: Call, id: string): Promise<number> {
  await endpoints.delete({ id, reason: textOption({ out, ...call }, "reason") ?? "" });
  if (out.json) out.object({ deleted: id });
  else out.line(out.quiet ? id : `${id} is deleted`);
  return EXIT.done;
}

function print(
  { out }: Call,
  { settings }: Service,
  made: { readonly endpoint?: Endpoint; readonly url: string; readonly secret?: string },
): number {
  const { endpoint, secret = "" } = made;
  const id = endpoint?.id ?? "";
  const url = wholeUrl({ settings }, made.url);
  if (out.json) {
    out.object({ endpoint: endpoint === undefined ? {} : jsonOf(endpoint), url, secret });
  } else if (out.quiet) out.line(id);
  else {
    out.line(url === "" ? `${id}: its URL was shown before; rotate gives another one` : url);
    if (secret !== "") out.line(secret);
    out.talk(`${id}: ${shownOnce(endpoint?.rotateOnPublish === true, secret !== "")}`);
  }
  return EXIT.done;
}

/** A service without PUBLIC_URL knows the path alone. */
function wholeUrl({ settings }: Pick<Service, "settings">, url: string): string {
  return url.startsWith("/") ? `${settings.server.replace(/\/+$/, "")}${url}` : url;
}

function jsonOf(endpoint: Endpoint): JsonObject {
  return toJson(EndpointSchema, endpoint, { useProtoFieldName: true }) as JsonObject;
}

function rowOf(endpoint: Endpoint): string[] {
  const { id, name, definitionId, environment, verification, createdAt, oldUrlUntil } = endpoint;
  const text = (at: typeof createdAt) => timeText(at === undefined ? undefined : timestampDate(at));
  return [
    ...[id, name, definitionId, environment, nameOf(EndpointVerification, verification)],
    ...[text(createdAt), text(oldUrlUntil)],
  ];
}

/** What is gone when the terminal is closed. */
function shownOnce(rotates: boolean, hasSecret: boolean): string {
  if (rotates) {
    const url = "endpoints list --urls shows its URL";
    return hasSecret ? `the secret is not shown again; ${url}` : url;
  }
  return `${hasSecret ? "the URL and the secret are" : "the URL is"} not shown again`;
}
