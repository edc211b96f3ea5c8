/**
 * Messages of the contract as bytes and as proto3 JSON, both ways, with payloads as the JSON that they are.
 * Boundary: pure. What is wrong with bytes or JSON is thrown in the library's words, or as a ProtobufFault.
 * Invariant: keys of payloads are data, `__proto__` among them. No payload goes through the library.
 */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  isMessage,
  type JsonReadOptions,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { isJsonObject, type Json, type JsonObject } from "../../engine/values/json.ts";
import { hasPayloads, payloadFields, rawMessage } from "./raw-payloads.ts";
import { openReader } from "./reader.ts";
import { readStruct } from "./struct.ts";
import { writeStructBytes } from "./struct-bytes.ts";

/** The message that these bytes are. */
export function decodeMessage<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  const raw = fromBinary(rawMessage(desc), bytes);
  const message = mapPayloads(desc, raw, (payload) => {
    if (!(payload instanceof Uint8Array)) throw new TypeError("a payload is not bytes");
    return readStruct(openReader(payload), payload.length, 1, {});
  });
  return requireMessage(desc, message);
}

/** Its bytes. */
export function encodeMessage<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): Uint8Array {
  const raw = mapPayloads(desc, message, (payload) => writeStructBytes(requireJson(payload)));
  return toBinary(rawMessage(desc), requireMessage(rawMessage(desc), raw));
}

/** The message of this JSON. Refuses a payload that is no object. */
export function messageFromJson<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
  options: Partial<JsonReadOptions>,
): MessageShape<Desc> {
  if (!hasPayloads(desc)) return fromJson(desc, json, options);
  const payloads: JsonObject[] = [];
  let misfits = false;
  const bare = mapJson(desc, json, (value) => {
    if (value === null) return null;
    if (isJsonObject(value)) return tokenOf(payloads.push(value) - 1);
    misfits = true;
    return value;
  });
  // The library's message names the field.
  if (misfits) fromJson(desc, withoutPayloads(desc, json), options);
  const raw = fromJson(rawMessage(desc), bare, options);
  const message = mapPayloads(desc, raw, (token) => payloads[indexOf(token)] ?? {});
  return requireMessage(desc, message);
}

/** The message as proto3 JSON. */
export function messageToJson<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  if (!hasPayloads(desc)) return toJson(desc, message);
  const payloads: JsonObject[] = [];
  const raw = mapPayloads(desc, message, (payload) =>
    Buffer.from(String(payloads.push(requireJson(payload)) - 1)),
  );
  const bare = toJson(rawMessage(desc), requireMessage(rawMessage(desc), raw));
  return mapJson(desc, bare, (token) =>
    typeof token === "string" ? (payloads[indexOf(Buffer.from(token, "base64"))] ?? {}) : token,
  );
}

/** JSON of the message with an empty object for each payload that is one: small, and faulty where the whole is. */
export function withoutPayloads(desc: DescMessage, json: JsonValue): JsonValue {
  return mapJson(desc, json, (value) => (isJsonObject(value) ? {} : value));
}

/** A copy of the message with something else in the place of each payload. */
function mapPayloads(
  desc: DescMessage,
  message: object,
  change: (payload: unknown) => unknown,
): object {
  const { payloads, nested } = payloadFields(desc);
  if (payloads.length + nested.length === 0) return message;
  const copy = { ...message };
  const replace = (name: string, each: (value: unknown) => unknown) => {
    const value: unknown = Reflect.get(message, name);
    if (value === undefined) return;
    Reflect.set(copy, name, Array.isArray(value) ? value.map(each) : each(value));
  };
  for (const { localName } of payloads) replace(localName, change);
  for (const { localName, message: inner } of nested) {
    replace(localName, (value) =>
      typeof value === "object" && value !== null ? mapPayloads(inner, value, change) : value,
    );
  }
  return copy;
}

/** The same for its JSON, whose fields may have either name. */
function mapJson(
  desc: DescMessage,
  json: JsonValue,
  change: (payload: JsonValue) => JsonValue,
): JsonValue {
  const { payloads, nested } = payloadFields(desc);
  if (!isJsonObject(json) || payloads.length + nested.length === 0) return json;
  const copy: JsonObject = { ...json };
  const replace = (name: string, isList: boolean, each: (value: JsonValue) => JsonValue) => {
    if (!Object.hasOwn(json, name)) return;
    const value: Json = json[name] ?? null;
    copy[name] = isList && Array.isArray(value) ? value.map(each) : each(value);
  };
  for (const { name, jsonName, fieldKind } of payloads) {
    for (const each of new Set([name, jsonName])) replace(each, fieldKind === "list", change);
  }
  for (const { name, jsonName, fieldKind, message } of nested) {
    for (const each of new Set([name, jsonName])) {
      replace(each, fieldKind === "list", (value) => mapJson(message, value, change));
    }
  }
  return copy;
}

function tokenOf(index: number): string {
  return Buffer.from(String(index)).toString("base64");
}

function indexOf(token: unknown): number {
  return token instanceof Uint8Array ? Number(Buffer.from(token).toString()) : -1;
}

function requireJson(value: unknown): JsonObject {
  if (!isObject(value)) throw new TypeError("a payload is no object");
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function requireMessage<Desc extends DescMessage>(desc: Desc, message: object): MessageShape<Desc> {
  if (!isMessage(message, desc)) throw new TypeError(`this is no ${desc.typeName}`);
  return message;
}
