/**
 * Messages of the contract as bytes and as proto3 JSON, both ways, with payloads as the JSON that they are.
 * Boundary: pure. What is wrong with bytes or JSON is thrown in the library's words, or as a ProtobufFault.
 * Invariant: keys of payloads are data, `__proto__` among them. No payload goes through the library: in JSON an empty one
 * stands for it there, in bytes its own bytes (raw-payloads.ts).
 */
import {
  type DescField,
  type DescMessage,
  fromJson,
  isMessage,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { isJsonObject, type JsonObject } from "../../engine/values/json.ts";
import { readMessageJson } from "./json.ts";
import { payloadFields, rawMessage } from "./raw-payloads.ts";
import { writeStructBytes } from "./struct-bytes.ts";

/** The message that these bytes are. */
export function decodeMessage<Desc extends DescMessage>(
  desc: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  return messageFromJson(desc, readMessageJson(desc, bytes));
}

/** Its bytes. */
export function encodeMessage<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): Uint8Array {
  const raw = rawMessage(desc);
  const inBytes = (payload: object) => writeStructBytes(requireJson(payload));
  return toBinary(raw, requireMessage(raw, mapPayloads(desc, message, inBytes)));
}

/** The message of this JSON. Refuses a payload that is no object. */
export function messageFromJson<Desc extends DescMessage>(
  desc: Desc,
  json: JsonValue,
): MessageShape<Desc> {
  const message = fromJson(desc, withoutPayloads(desc, json));
  if (isJsonObject(json)) putPayloads(desc, json, message);
  return message;
}

/** The message as proto3 JSON. */
export function messageToJson<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  const bare = requireMessage(
    desc,
    mapPayloads(desc, message, () => ({})),
  );
  const json = toJson(desc, bare);
  if (isJsonObject(json)) putPayloads(desc, message, json);
  return json;
}

/** JSON of the message with an empty object for each payload that is one: small, and faulty where the whole is. */
export function withoutPayloads(desc: DescMessage, json: JsonValue): JsonValue {
  return isJsonObject(json) ? requireJson(mapPayloads(desc, json, () => ({}))) : json;
}

/** A copy of a message, or of its JSON, with something else in the place of each payload. */
function mapPayloads(
  desc: DescMessage,
  holder: object,
  change: (payload: object) => object,
): object {
  const { payloads, nested } = payloadFields(desc);
  if (payloads.length + nested.length === 0) return holder;
  const copy = { ...holder };
  const replace = (field: DescField, each: (value: object) => object) => {
    const ifObject = (value: unknown) => (isObject(value) ? each(value) : value);
    for (const name of namesIn(field, holder)) {
      const value: unknown = Reflect.get(holder, name);
      Reflect.set(copy, name, Array.isArray(value) ? value.map(ifObject) : ifObject(value));
    }
  };
  for (const field of payloads) replace(field, change);
  for (const field of nested) replace(field, (value) => mapPayloads(field.message, value, change));
  return copy;
}

/** Puts the payloads of a message, or of its JSON, into the other form of it, in the place of empty ones. */
function putPayloads(desc: DescMessage, from: object, into: object): void {
  const { payloads, nested } = payloadFields(desc);
  for (const field of payloads) {
    const [name] = namesIn(field, into);
    if (name !== undefined) Reflect.set(into, name, valueIn(field, from));
  }
  for (const field of nested) {
    const places = [valueIn(field, into)].flat();
    for (const [at, value] of [valueIn(field, from)].flat().entries()) {
      const place = places[at];
      if (isObject(value) && isObject(place)) putPayloads(field.message, value, place);
    }
  }
}

function valueIn(field: DescField, holder: object): unknown {
  const [name] = namesIn(field, holder);
  return name === undefined ? undefined : Reflect.get(holder, name);
}

/** The names under which a message, or its JSON, has the field: one, but for faulty JSON. */
function namesIn({ localName, jsonName, name }: DescField, holder: object): string[] {
  return [...new Set([localName, jsonName, name])].filter((each) => Object.hasOwn(holder, each));
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
