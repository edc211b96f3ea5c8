/**
 * The message of a REST request: out of its path, its query, its body and If-Match.
 * Boundary: what the parts of a request are to a message. What the message says is for the handlers; bytes and JSON are as in an RPC.
 */
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { isJsonObject } from "../../../engine/values/json.ts";
import type { FieldFault } from "../../../process/refusal.ts";
import { COMPRESSIONS } from "../compressions.ts";
import { MAX_MESSAGE_BYTES } from "../decoding-faults.ts";
import { protocolError } from "../errors.ts";
import { invalidFields } from "../fields.ts";
import type { NodeRequest } from "../node-calls.ts";
import { decodeMessage, inflated, parseJson, readBody } from "../request-body.ts";
import { HttpFault } from "./problem.ts";
import type { Route } from "./routes.ts";

/** What a request says in its head. */
export interface RequestHead {
  readonly params: ReadonlyMap<string, string>;
  readonly header: Headers;
}

const JSON_BODY = /^application\/json\s*(;|$)/i;
const OTHER_CHARSET = /;\s*charset=(?!"?utf-8"?\s*(;|$))/i;
const TAG = /^"([\x21\x23-\x7e]*)"$/;
/** Messages that are one text in JSON. */
const TEXTS: ReadonlySet<string> = new Set(
  ["Timestamp", "Duration", "FieldMask"].map((name) => `google.protobuf.${name}`),
);

/** Reads the message. Rejects with an HttpFault, or with a Refusal or ConnectError as an RPC would get it. */
export async function readRestMessage(
  route: Route,
  desc: DescMessage,
  request: NodeRequest,
  head: RequestHead,
): Promise<Message> {
  const faults: FieldFault[] = [];
  const json =
    route.body === undefined
      ? await readQuery(desc, request, head, faults)
      : await readJsonBody(route.body, desc, request, head, faults);
  for (const [name, text] of head.params) putParam(desc, json, name, text, faults);
  putEtag(desc, json, head.header.get("if-match"), faults);
  if (faults.length > 0) throw invalidFields(faults);
  return decodeMessage(desc, json);
}

async function readQuery(
  desc: DescMessage,
  request: NodeRequest,
  { params }: RequestHead,
  faults: FieldFault[],
): Promise<JsonObject> {
  await refuseBody(request);
  const json: JsonObject = {};
  const query = queryOf(request);
  for (const name of new Set(query.keys())) {
    const field = fieldOf(desc, name);
    if (field === undefined || params.has(field.name)) {
      faults.push({ field: name, description: "is no parameter of this path" });
      continue;
    }
    const texts = query.getAll(name);
    if (field.name in json || (texts.length > 1 && field.fieldKind !== "list")) {
      faults.push({ field: field.name, description: "is there more than once" });
    }
    json[field.name] =
      field.fieldKind === "list"
        ? texts.map((text) => jsonOf(field, text, faults))
        : jsonOf(field, texts[0] ?? "", faults);
  }
  return json;
}

async function readJsonBody(
  place: string,
  desc: DescMessage,
  request: NodeRequest,
  { header }: RequestHead,
  faults: FieldFault[],
): Promise<JsonObject> {
  for (const name of new Set(queryOf(request).keys())) {
    faults.push({ field: name, description: "stands in the query; here the body has the fields" });
  }
  const type = header.get("content-type");
  // A page of another origin may send such a request without a preflight.
  if (type === null && header.has("origin")) throw otherType();
  if (type !== null && (!JSON_BODY.test(type) || OTHER_CHARSET.test(type))) throw otherType();
  const bytes = await readWhole(request, header.get("content-encoding"));
  if (bytes.byteLength === 0) return {};
  if (type === null) throw otherType();
  const json = parseJson(desc, bytes);
  if (place !== "*") return { [place]: json };
  if (isJsonObject(json)) return { ...json };
  throw protocolError(Code.InvalidArgument, "the body is no JSON object", undefined, [
    { field: "", description: "must be a JSON object" },
  ]);
}

async function readWhole(request: NodeRequest, encoding: string | null): Promise<Uint8Array> {
  const sent = await readBody(bodyOf(request));
  if (sent.byteLength > MAX_MESSAGE_BYTES) throw tooLarge();
  const bytes = await inflated(sent, encoding).catch((error: unknown) => {
    const isLarge =
      error instanceof Error && "code" in error && error.code === Code.ResourceExhausted;
    throw isLarge ? tooLarge() : protocolError(Code.InvalidArgument, "the body cannot be inflated");
  });
  if (bytes !== undefined) return bytes;
  const known = COMPRESSIONS.map(({ name }) => name).join(", ");
  throw new HttpFault(415, "UNSUPPORTED", `the body's Content-Encoding is none of ${known}`, {
    "accept-encoding": known,
  });
}

/** Reasons of a DELETE stand in its query: dropped in silence a body would be lost. */
async function refuseBody(request: NodeRequest): Promise<void> {
  const hasBody =
    "stream" in request
      ? !request.stream.endAfterHeaders
      : "transfer-encoding" in request.headers ||
        (request.headers["content-length"] ?? "0") !== "0";
  if (!hasBody || (await readBody(bodyOf(request))).byteLength === 0) return;
  const description = `a ${request.method} has none; its fields stand in the query`;
  throw invalidFields([{ field: "body", description }]);
}

function putParam(
  desc: DescMessage,
  json: JsonObject,
  name: string,
  text: string,
  faults: FieldFault[],
): void {
  const field = fieldOf(desc, name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field ${name}`);
  for (const key of new Set([field.name, field.jsonName])) {
    const said = json[key];
    if (said !== undefined && String(said) !== text) {
      faults.push({
        field: name,
        description: `the path says "${text}"; leave it out of the body`,
      });
    }
    delete json[key];
  }
  json[name] = jsonOf(field, text, faults);
}

/** `If-Match: "<etag>"` is the request's etag. A call without one is refused, for nothing would be compared. */
function putEtag(
  desc: DescMessage,
  json: JsonObject,
  match: string | null,
  faults: FieldFault[],
): void {
  if (match === null) return;
  const etag = TAG.exec(match.trim())?.[1];
  const refuse = (description: string) => faults.push({ field: "If-Match", description });
  if (fieldOf(desc, "etag") === undefined) refuse("is not compared by this call; leave it out");
  else if (etag === undefined) refuse('must be one etag in double quotes, such as "3"');
  else if (json.etag !== undefined && json.etag !== etag) refuse("is another one than etag");
  else json.etag = etag;
}

/** A text of a path or a query as JSON. What does not fit its field is said when the message is decoded. */
function jsonOf(field: DescField, text: string, faults: FieldFault[]): JsonValue {
  if (isBoolean(field)) return text === "true" ? true : text === "false" ? false : text;
  if (field.enum !== undefined) return /^\d{1,9}$/.test(text) ? Number(text) : text;
  const isText = field.message === undefined || TEXTS.has(field.message.typeName);
  if (field.fieldKind !== "map" && isText) return text;
  try {
    return JSON.parse(text);
  } catch {
    faults.push({ field: field.name, description: "must be JSON" });
    return {};
  }
}

function isBoolean(field: DescField): boolean {
  return "scalar" in field && field.fieldKind !== "map" && field.scalar === ScalarType.BOOL;
}

function fieldOf({ fields }: DescMessage, key: string): DescField | undefined {
  return fields.find(({ name, jsonName }) => name === key || jsonName === key);
}

function queryOf({ url = "" }: NodeRequest): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

function bodyOf(request: NodeRequest): AsyncIterable<Uint8Array> {
  // An iterator that leaves early and destroys the stream would take the way to what is left with it.
  return request.iterator({ destroyOnReturn: false });
}

function otherType(): HttpFault {
  return new HttpFault(415, "UNSUPPORTED", "the body's Content-Type must be application/json", {
    accept: "application/json",
  });
}

function tooLarge() {
  const words = `the body has more than the limit of ${MAX_MESSAGE_BYTES} bytes`;
  return protocolError(Code.ResourceExhausted, words);
}
