/**
 * Messages of the contract as bytes and as proto3 JSON, both ways, with payloads as the JSON that they are.
 * Boundary: pure. What is wrong with bytes or JSON is thrown in the library's words, or as a ProtobufFault.
 * Invariant: keys of payloads are data, `__proto__` among them. No payload goes through the library: an empty one stands
 * for it there. Bytes are read and written as JSON (json.ts, bytes.ts), of which the library makes messages.
 * The JSON of a GetRun answer of 10 steps takes as long as the library's (70 us), and its bytes 0.9 of the library's time
 * (2026-11-28).
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
import { writePlainMessage } from "./message-bytes.ts";
import { payloadFields } from "./payload-fields.ts";

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
  const plain = writePlainMessage(desc, message);
  if (plain !== undefined) return plain;
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

/**
 * The message as proto3 JSON. Its payloads are taken out while the library writes and put back afterwards: a copy of the
 * message would take as long as all the rest.
 */
export function messageToJson<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
  options: Partial<JsonWriteOptions> = {},
): JsonValue {
  const taken = takePayloads(desc, message, []);
  let json: JsonValue;
  try {
    json = toJson(desc, message, options);
  } finally {
    // From the last to the first: an object that stands in two places was taken twice.
    for (const { holder, name, payload } of taken.reverse()) Reflect.set(holder, name, payload);
  }
  if (isJsonObject(json)) putPayloads(desc, message, json);
  return json;
}

/** A payload that an empty one stands for. */
interface Taken {
  readonly holder: object;
  readonly name: string;
  readonly payload: unknown;
}

function takePayloads(desc: DescMessage, holder: unknown, taken: Taken[]): Taken[] {
  if (!isObject(holder)) return taken;
  const { payloads, nested } = payloadFields(desc);
  for (const { names } of payloads) {
    const name = names[0] ?? "";
    const payload: unknown = Reflect.get(holder, name);
    if (payload === undefined) continue;
    taken.push({ holder, name, payload });
    Reflect.set(holder, name, Array.isArray(payload) ? payload.map(emptied) : emptied(payload));
  }
  for (const { names, message } of nested) {
    const value: unknown = Reflect.get(holder, names[0] ?? "");
    if (Array.isArray(value)) for (const item of value) takePayloads(message, item, taken);
    else takePayloads(message, value, taken);
  }
  return taken;
}

/** A copy of the JSON of a message with an empty object for each payload that is one: faulty where the whole is. */
export function withoutPayloads<Holder>(desc: DescMessage, holder: Holder): Holder {
  const { payloads, nested } = payloadFields(desc);
  if (!isObject(holder) || payloads.length + nested.length === 0) return holder;
  const copy = { ...holder };
  for (const { names } of payloads) replace(copy, names, emptied);
  for (const { names, message } of nested) {
    replace(copy, names, (value) => withoutPayloads(message, value));
  }
  return copy;
}

function emptied(value: unknown): unknown {
  return isObject(value) ? {} : value;
}

function replace(
  holder: object,
  names: readonly string[],
  each: (value: unknown) => unknown,
): void {
  for (const name of names) {
    const value: unknown = Reflect.get(holder, name);
    if (value === undefined || !Object.hasOwn(holder, name)) continue;
    Reflect.set(holder, name, Array.isArray(value) ? value.map(each) : each(value));
  }
}

/** Puts the payloads of a message, or of its JSON, into the other form of it, in the place of empty ones. */
function putPayloads(desc: DescMessage, from: object, into: object): void {
  const { payloads, nested } = payloadFields(desc);
  for (const { names } of payloads) {
    const name = nameIn(names, into);
    if (name !== undefined) Reflect.set(into, name, valueIn(names, from));
  }
  for (const { names, message } of nested) {
    const value = valueIn(names, from);
    if (value === undefined) continue;
    const place = valueIn(names, into);
    if (Array.isArray(value) && Array.isArray(place)) {
      for (let at = 0; at < value.length; at += 1) putNested(message, value[at], place[at]);
    } else putNested(message, value, place);
  }
}

function putNested(desc: DescMessage, from: unknown, into: unknown): void {
  if (isObject(from) && isObject(into)) putPayloads(desc, from, into);
}

function valueIn(names: readonly string[], holder: object): unknown {
  const name = nameIn(names, holder);
  return name === undefined ? undefined : Reflect.get(holder, name);
}

function nameIn(names: readonly string[], holder: object): string | undefined {
  for (const name of names) if (Object.hasOwn(holder, name)) return name;
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
