/**
 * Reads the message of a unary request in every protocol and encoding: bounded in bytes, and in the items that are
 * read of each list.
 * Boundary: envelopes, compressions, and what makes a message unreadable. What it says is for the handlers.
 * Invariant: whatever is decoded has been counted as it is decoded; a body of which that is not sure is refused as malformed.
 */
import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import { isJsonObject } from "../../engine/values/json.ts";
import { type FieldFault, Refusal } from "../../process/refusal.ts";
import { readMessageJson } from "../../wire/proto/json.ts";
import { messageFromJson, withoutPayloads } from "../../wire/proto/messages.ts";
import { ProtobufFault } from "../../wire/proto/reader.ts";
import { compressionOf } from "./compressions.ts";
import { inOurWords, MAX_MESSAGE_BYTES } from "./decoding-faults.ts";
import { protocolError } from "./errors.ts";
import { invalidFields } from "./fields.ts";
import { findJsonFault } from "./json-fault.ts";

/** Items of one list; what a version may have is fewer, and the engine's to say. */
const ITEMS_AT_MOST = 10_000;
export const ENVELOPE_HEADER_BYTES = 5;
export const COMPRESSED_FLAG = 1;
const utf8 = new TextDecoder();

/** A request whose body is still to be read. */
export type UnreadRequest = UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> };

/** What Connect gets, and what it does not have to read: the message, or why there is none. */
export interface ReadRequest {
  readonly request: UniversalServerRequest;
  readonly message?: Message;
  /** A Refusal, or the ConnectError to answer. */
  readonly fault?: Refusal | ConnectError;
}

/** Reads the whole body, and decodes it. What has no message that could be read is left to Connect to refuse. */
export async function readMessage(desc: DescMessage, request: UnreadRequest): Promise<ReadRequest> {
  // What Connect does not take it refuses by itself, and the message of a GET stands in its URL.
  if (request.method !== "POST") return { request };
  const body = await readBody(request.body);
  const unread = { ...request, body: createAsyncIterable([body]) };
  if (isEnveloped(request.header) && hasMore(body)) {
    return { request: emptied(request), fault: extraMessage() };
  }
  // What cannot be inflated, or is too large, Connect does not read either.
  const bytes = await messageOf(body, request.header).catch(() => undefined);
  if (bytes === undefined || bytes.byteLength > MAX_MESSAGE_BYTES) return { request: unread };
  return { request: emptied(request), ...decode(desc, bytes, isJson(request.header)) };
}

/** The message of a gRPC body without compression, or why there is none; undefined: that is Connect's to say. */
export function readPlainMessage(
  desc: DescMessage,
  body: Buffer,
): Pick<ReadRequest, "message" | "fault"> | undefined {
  if (hasMore(body)) return { fault: extraMessage() };
  if (body.byteLength < ENVELOPE_HEADER_BYTES || body.readUInt8(0) !== 0) return undefined;
  const data = body.subarray(ENVELOPE_HEADER_BYTES);
  if (data.byteLength < body.readUInt32BE(1) || data.byteLength > MAX_MESSAGE_BYTES)
    return undefined;
  return decode(desc, data, false);
}

function extraMessage(): ConnectError {
  const words = "received extra input message for a unary method";
  return protocolError(Code.Unimplemented, words);
}

/** Whether the messages of a call stand in envelopes: in gRPC and gRPC-Web. */
export function isEnveloped(header: Headers): boolean {
  return /^application\/grpc/i.test(header.get("content-type") ?? "");
}

/** Whether the body of a call is JSON. */
export function isJson(header: Headers): boolean {
  return /^application\/((grpc(-web)?|connect)\+)?json/i.test(header.get("content-type") ?? "");
}

/** The request with the empty message in the place of its own. */
export function emptied(request: UniversalServerRequest): UniversalServerRequest {
  const empty = Buffer.from(isJson(request.header) ? "{}" : "");
  const body = isEnveloped(request.header) ? encodeEnvelope(0, empty) : empty;
  const header = new Headers(request.header);
  header.delete("content-length");
  header.delete("content-encoding");
  const url = new URL(request.url);
  if (request.method === "GET") url.search = "?connect=v1&encoding=json&message=%7B%7D";
  return { ...request, url: url.toString(), header, body: createAsyncIterable([body]) };
}

/** The whole body; of one that is over the limit as much as shows it. */
export async function readBody(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    read.push(chunk);
    bytes += chunk.byteLength;
    // Of a body over the limit the rest is not needed: it is refused for its size.
    if (bytes > MAX_MESSAGE_BYTES + ENVELOPE_HEADER_BYTES) break;
  }
  return Buffer.concat(read);
}

function hasMore(body: Buffer): boolean {
  if (body.byteLength < ENVELOPE_HEADER_BYTES) return false;
  return body.byteLength > ENVELOPE_HEADER_BYTES + body.readUInt32BE(1);
}

/** The message's own bytes: out of its envelope, and inflated. */
async function messageOf(body: Buffer, header: Headers): Promise<Uint8Array | undefined> {
  if (!isEnveloped(header)) return inflated(body, header.get("content-encoding"));
  if (body.byteLength < ENVELOPE_HEADER_BYTES) return undefined;
  const data = body.subarray(ENVELOPE_HEADER_BYTES);
  if (data.byteLength < body.readUInt32BE(1)) return undefined;
  const isCompressed = (body.readUInt8(0) & COMPRESSED_FLAG) !== 0;
  return isCompressed ? inflated(data, header.get("grpc-encoding") ?? "") : data;
}

/** The bytes behind a compression; undefined: it is not known. Rejects where they are too many. */
export async function inflated(
  bytes: Uint8Array,
  encoding: string | null,
): Promise<Uint8Array | undefined> {
  if (encoding === null || encoding === "identity") return bytes;
  return compressionOf(encoding)?.decompress(bytes, MAX_MESSAGE_BYTES);
}

function decode(
  desc: DescMessage,
  bytes: Uint8Array,
  asJson: boolean,
): Pick<ReadRequest, "message" | "fault"> {
  try {
    const json = asJson ? parseJson(desc, bytes) : parseBytes(desc, bytes);
    return { message: decodeMessage(desc, json) };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/** Why a request has no message, in our words. */
export function faultOf(error: unknown): Refusal | ConnectError {
  if (error instanceof Refusal || error instanceof ConnectError) return error;
  return malformed(error, () => "");
}

/** The message of this JSON. Throws a Refusal or a ConnectError where it is none. */
export function decodeMessage(desc: DescMessage, json: JsonValue): Message {
  refuseCrowded(desc, json);
  try {
    return messageFromJson(desc, json);
  } catch (error) {
    throw malformed(error, () => findJsonFault(desc, withoutPayloads(desc, json)));
  }
}

function parseBytes(desc: DescMessage, bytes: Uint8Array): JsonValue {
  try {
    return readMessageJson(desc, bytes, ITEMS_AT_MOST);
  } catch (error) {
    if (!(error instanceof ProtobufFault && error.isShape && hasMessageLists(desc))) throw error;
    throw invalidFields([{ field: "", description: `malformed: ${error.message}` }]);
  }
}

function hasMessageLists(desc: DescMessage): boolean {
  return desc.fields.some((field) => field.fieldKind === "list" && field.listKind === "message");
}

function refuseCrowded(desc: DescMessage, json: JsonValue): void {
  if (!isJsonObject(json)) return;
  const faults: FieldFault[] = desc.fields.flatMap(({ name, jsonName, fieldKind }) => {
    if (fieldKind !== "list") return [];
    const lists = [json[name], json[jsonName]].filter((value) => Array.isArray(value));
    const items = Math.max(...lists.map(({ length }) => length));
    if (items <= ITEMS_AT_MOST) return [];
    const description = `has ${items} items, over the limit of ${ITEMS_AT_MOST}`;
    return [{ field: name, description }];
  });
  if (faults.length > 0) throw invalidFields(faults);
}

/** The JSON that these bytes are. Throws a ConnectError where they are none. */
export function parseJson(desc: DescMessage, bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw malformed(new Error(`cannot decode ${desc} from JSON: ${why}`), () => "");
  }
}

function malformed(error: unknown, findField: () => string): ConnectError {
  return inOurWords(ConnectError.from(error, Code.InvalidArgument), findField);
}
