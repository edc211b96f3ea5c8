/**
 * Data of events that came as bytes: JSON, a protobuf message, or one inside an Any.
 *
 * Boundary: gives JSON with `@type`; what the data means is read in content.ts.
 * Invariant: the media type, else the first byte, says what the bytes are. The schema, else the media type's
 * parameter, names the message; the default is events.v1.Change.
 */
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import { readMessageJson } from "../proto/json.ts";
import { ANY, CHANGE, findMessageType, STRUCT, typeNameOfUrl } from "../proto/message-types.ts";
import { openReader, ProtobufFault } from "../proto/reader.ts";
import { parseJson } from "./loose-fields.ts";
import { type Ignored, ignored, type Poison, poison } from "./poison.ts";

/** Data as JSON, with `@type` where it was a message. */
export type ReadData = { readonly ok: true; readonly value: JsonObject } | Poison | Ignored;

const JSON_MEDIA_TYPE = /^[^;]*[/+]json\s*(;|$)/i;
const PROTOBUF_MEDIA_TYPE = /^[^;]*[/+.-]proto(buf)?\s*(;|$)/i;
const UNTOLD_MEDIA_TYPE = /^\s*(application\/octet-stream\s*)?(;|$)/i;
const MESSAGE_PARAMETER = /;\s*(?:proto|type|message|message-?type)\s*=\s*"?([\w./-]+)/i;
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BRACE = 0x7b;
/** Field 1 as bytes: the type of an Any. In a Change field 1 is a number. */
const FIRST_TEXT_TAG = 0x0a;
const TYPE_URL_BYTES_AT_MOST = 512;
const TYPE_PREFIX = "type.googleapis.com/";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads bytes of this media type ("" when unset) and schema. No bytes are no data. */
export function readDataBytes(bytes: Uint8Array, mediaType: string, schema: string): ReadData {
  if (bytes.length === 0 && !PROTOBUF_MEDIA_TYPE.test(mediaType)) return { ok: true, value: {} };
  if (JSON_MEDIA_TYPE.test(mediaType)) return readJsonData(bytes);
  const typeName = typeNameOfUrl(schema || (MESSAGE_PARAMETER.exec(mediaType)?.[1] ?? ""));
  if (PROTOBUF_MEDIA_TYPE.test(mediaType)) return readProtobufData(bytes, typeName);
  if (UNTOLD_MEDIA_TYPE.test(mediaType)) {
    return startsWithBrace(bytes) ? readJsonData(bytes) : readProtobufData(bytes, typeName);
  }
  return poison("unknown_encoding", "the data is neither JSON nor protobuf");
}

/** The JSON value as data. CloudEvents allows an event without data; it has no fields. */
export function requireObject(value: Json | undefined): { ok: true; value: JsonObject } | Poison {
  if (value === undefined || value === null) return { ok: true, value: {} };
  if (isJsonObject(value)) return { ok: true, value };
  return poison("bad_data", "the data is not a JSON object");
}

/** The text of the bytes, undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether the first byte that is not white space is `{`. */
export function startsWithBrace(bytes: Uint8Array): boolean {
  return bytes.find((byte) => !WHITE_SPACE.has(byte)) === BRACE;
}

function readJsonData(bytes: Uint8Array): ReadData {
  const text = decodeUtf8(bytes);
  const value = text === undefined ? undefined : parseJson(text);
  return value === undefined ? poison("bad_data", "the data is not JSON") : requireObject(value);
}

function readProtobufData(bytes: Uint8Array, named: string): ReadData {
  const inAny = typeInAny(bytes);
  const isAny =
    named === ANY || (inAny !== "" && (named === "" || named === inAny || named === CHANGE));
  if (isAny) return readAny(bytes);
  const typeName = named || CHANGE;
  const type = findMessageType(typeName);
  if (type === undefined) return ignored("unknown_type");
  return readSafely((): JsonObject => {
    const json = readMessageJson(type, bytes);
    const mark = { "@type": TYPE_PREFIX + typeName };
    return typeName === STRUCT ? { ...mark, value: json } : { ...mark, ...json };
  });
}

function readAny(bytes: Uint8Array): ReadData {
  const read = readSafely(() => readMessageJson(AnySchema, bytes));
  return read.ok === true && isUnreadAny(read.value) ? ignored("unknown_type") : read;
}

/** Whether the data is an Any with a message that the service does not know. */
export function isUnreadAny(data: JsonObject): boolean {
  const url = data["@type"];
  return typeof url === "string" && findMessageType(typeNameOfUrl(url)) === undefined;
}

function readSafely(read: () => JsonObject): ReadData {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof ProtobufFault) return poison("bad_data", `the data: ${error.message}`);
    throw error;
  }
}

/** The message that an Any names, "" when the bytes do not look like an Any. */
function typeInAny(bytes: Uint8Array): string {
  if (bytes[0] !== FIRST_TEXT_TAG) return "";
  try {
    const reader = openReader(bytes.subarray(1, TYPE_URL_BYTES_AT_MOST));
    const url = reader.string();
    return url.includes("/") ? typeNameOfUrl(url) : "";
  } catch {
    // Too short, or not UTF-8: another message, whose own reader judges it.
    return "";
  }
}
