/**
 * Messages of the contract as bytes and as proto3 JSON, both ways, with payloads as the JSON that they are.
 * Boundary: pure. What is wrong with bytes or JSON is thrown in the library's words, or as a ProtobufFault.
 * Invariant: keys of payloads are data, `__proto__` among them. No payload goes through the library: an empty one stands
 * for it there. Bytes are read and written as JSON (json.ts, bytes.ts), of which the library makes messages.
 */
import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type JsonWriteOptions,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { isJsonObject } from "../../engine/values/json.ts";
import { writeMessage } from "./bytes.ts";
import { readMessageJson } from "./json.ts";
import { type NamedField, payloadFields } from "./payload-fields.ts";

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
  const json = messageToJson(desc, message, { useProtoFieldName: true });
  if (!isJsonObject(json)) throw new TypeError(`${desc.typeName} is not an object in JSON`);
  return writeMessage(desc, json);
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
  options: Partial<JsonWriteOptions> = {},
): JsonValue {
  const json: JsonValue = toJson(desc, withoutPayloads(desc, message), options);
  if (isJsonObject(json)) putPayloads(desc, message, json);
  return json;
}

/** A copy of a message, or of its JSON, with an empty object for each payload that is one: faulty where the whole is. */
export function withoutPayloads<Holder>(desc: DescMessage, holder: Holder): Holder {
  const { payloads, nested } = payloadFields(desc);
  if (!isObject(holder) || payloads.length + nested.length === 0) return holder;
  const copy = { ...holder };
  const replace = (field: NamedField, each: (value: object) => object) => {
    const ifObject = (value: unknown) => (isObject(value) ? each(value) : value);
    for (const name of field.names) {
      if (!Object.hasOwn(holder, name)) continue;
      const value: unknown = Reflect.get(holder, name);
      Reflect.set(copy, name, Array.isArray(value) ? value.map(ifObject) : ifObject(value));
    }
  };
  for (const field of payloads) replace(field, () => ({}));
  for (const field of nested) replace(field, (value) => withoutPayloads(field.message, value));
  return copy;
}

/** Puts the payloads of a message, or of its JSON, into the other form of it, in the place of empty ones. */
function putPayloads(desc: DescMessage, from: object, into: object): void {
  const { payloads, nested } = payloadFields(desc);
  for (const field of payloads) {
    const name = nameIn(field, into);
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

function valueIn(field: NamedField, holder: object): unknown {
  const name = nameIn(field, holder);
  return name === undefined ? undefined : Reflect.get(holder, name);
}

function nameIn({ names }: NamedField, holder: object): string | undefined {
  return names.find((name) => Object.hasOwn(holder, name));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
