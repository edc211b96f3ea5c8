/**
 * A delivery as it came: its body as the input of a run, the id that tells a repeat, how long its sender waits.
 * Boundary: pure but for reading the body; who sent it is process/signatures.ts.
 */
import { isUtf8 } from "node:buffer";
import { isJsonObject, type Json, type JsonObject, putValue } from "../../../engine/values/json.ts";
import type { Verification } from "../../../process/signatures.ts";
import { checkText, invalidFields } from "../fields.ts";
import type { NodeRequest } from "../node-calls.ts";
import type { BodyShare } from "./body-room.ts";

/** Bytes of a body. */
export const BODY_BYTES = 1024 * 1024;
const LONGEST_WAIT_SECONDS = 60;
const FORM = "application/x-www-form-urlencoded";
/** Holds a body that is JSON and no object. */
const BODY_KEY = "body";

/** Headers with the id of a delivery, the first one that is there, of senders whose signature does not say which one is signed. */
const ID_HEADERS = ["webhook-id", "idempotency-key", "x-github-delivery"];
/** Where a scheme's id stands; a header that is not signed is not looked at where the body is, and has an id. */
const IDS: Partial<
  Record<Verification, { readonly headers: readonly string[]; readonly key?: string }>
> = {
  standard_webhooks: { headers: ["webhook-id"] },
  github: { headers: ["x-github-delivery"] },
  stripe: { headers: [], key: "id" },
  slack: { headers: [], key: "event_id" },
};

/** A request, as its body is read. */
type Unread = Pick<NodeRequest, "headers" | "iterator">;

/** The body, or why there is none. Refuses overloaded where it finds no room. */
export async function readDelivery(
  request: Unread,
  share: BodyShare,
): Promise<Buffer | "too large" | "too slow"> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES) return "too large";
  const read: Uint8Array[] = [];
  try {
    return (await share.inTime(readBytes(request, share, read))) ?? "too slow";
  } finally {
    // A sender that stands still keeps its reader: what it has sent must not be kept beside the room.
    read.length = 0;
  }
}

async function readBytes(
  request: Unread,
  share: BodyShare,
  read: Uint8Array[],
): Promise<Buffer | "too large"> {
  let bytes = 0;
  // What is left is read away once the answer is out (request-rest.ts).
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES) return "too large";
    share.take(chunk.byteLength);
    read.push(chunk);
  }
  return Buffer.concat(read);
}

/** The input that a body is. Refuses invalid_fields where it is neither JSON nor a form, or not UTF-8. */
export function inputOf(body: Buffer, contentType: string): JsonObject {
  // A text that is stored is the text that was sent: bytes that are none would become other characters.
  if (!isUtf8(body)) throw wrong("body", "is not UTF-8");
  const text = body.toString("utf8");
  if (contentType.toLowerCase().startsWith(FORM)) return formOf(text);
  if (text.trim() === "") return {};
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("body", "is neither JSON nor a form (application/x-www-form-urlencoded)");
  }
  return isJsonObject(value) ? value : { [BODY_KEY]: value };
}

/** The id of a delivery, "" where it has none. Refuses invalid_fields for one that is too long or has other characters. */
export function deliveryIdOf(
  how: Verification,
  headers: NodeRequest["headers"],
  input: JsonObject,
): string {
  const { headers: names, key } = IDS[how] ?? { headers: ID_HEADERS };
  const inBody = key === undefined ? undefined : input[key];
  if (typeof inBody === "string") return requireId(key ?? "", inBody);
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string" && value !== "") return requireId(name, value);
  }
  return "";
}

/** How long the sender waits for the end of the run, in ms, from `?wait=30s`; 0: not at all. Refuses invalid_fields. */
export function waitOf(url: string): number {
  const text = new URLSearchParams(url.split("?").slice(1).join("?")).get("wait");
  if (text === null) return 0;
  const seconds = /^\d{1,3}s?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (seconds >= 1 && seconds <= LONGEST_WAIT_SECONDS) return seconds * 1_000;
  throw wrong("wait", `is "${text}"; it must be 1s to ${LONGEST_WAIT_SECONDS}s`);
}

/** A name that comes several times has a list of its values. */
function formOf(text: string): JsonObject {
  const form: JsonObject = {};
  const params = new URLSearchParams(text);
  for (const name of new Set(params.keys())) {
    const values = params.getAll(name);
    putValue(form, name, values.length === 1 ? (values[0] ?? "") : values);
  }
  return form;
}

function requireId(field: string, id: string): string {
  const list: Parameters<typeof checkText>[2] = [];
  checkText("id", id, list);
  const [fault] = list;
  if (fault === undefined) return id;
  throw wrong(field, fault.description);
}

function wrong(field: string, description: string) {
  return invalidFields([{ field, description }]);
}
