/**
 * Refuses a request whose list of messages has far too many items, before it is decoded: half a million empty ones fit
 * into 1 MiB and hold the event loop for seconds.
 * Boundary: counts the items of a request's own lists, in every protocol and encoding; what else is wrong with a request
 * is for those who decode it.
 * Invariant: whatever is decoded has been counted as it is decoded; a body of which that is not sure is refused as malformed.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { FieldFault } from "../../runtime/refusal.ts";
import { MAX_MESSAGE_BYTES } from "./decoding-faults.ts";
import { BINARY_OPTIONS } from "./json-fault.ts";
import { countFields } from "./message-fields.ts";

/** Items of one list; what a version may have is fewer, and the engine's to say. */
const ITEMS_AT_MOST = 10_000;
const ENVELOPE_HEADER_BYTES = 5;
const COMPRESSED_FLAG = 1;
const COMPRESSIONS = [compressionGzip, compressionBrotli];
const utf8 = new TextDecoder();

/** A request to be handled, and what is wrong with its lists; with faults its message is an empty one. */
export interface Counted {
  readonly request: UniversalServerRequest;
  readonly faults: FieldFault[];
}

/** Whether a message has lists of messages, so that `countLists` has something to count. */
export function hasLists(desc: DescMessage): boolean {
  return listsOf(desc).length > 0;
}

/** Reads the whole body, bounded, and counts the items of its lists. */
export async function countLists(
  desc: DescMessage,
  request: UniversalServerRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<Counted> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    // Of a body over the limit the rest is not needed: it is refused for its size.
    if (bytes > MAX_MESSAGE_BYTES + ENVELOPE_HEADER_BYTES) break;
  }
  const whole = withoutMore(Buffer.concat(chunks), request.header);
  const faults = await findFaults(desc, whole, request.header);
  if (faults.length === 0) {
    return { request: { ...request, body: createAsyncIterable([whole]) }, faults };
  }
  return { request: emptied(request), faults };
}

async function findFaults(desc: DescMessage, body: Buffer, header: Headers): Promise<FieldFault[]> {
  // What cannot be inflated, or is too large, the decoder does not read either.
  const message = await messageOf(body, header).catch(() => undefined);
  if (message === undefined || message.byteLength > MAX_MESSAGE_BYTES) return [];
  try {
    return faultsOf(desc, isJson(header) ? countJson(message) : countBinary(desc, message));
  } catch (error) {
    return [
      { field: "", description: `malformed: ${error instanceof Error ? error.message : ""}` },
    ];
  }
}

function listsOf(desc: DescMessage): DescField[] {
  return desc.fields.filter((field) => field.fieldKind === "list" && field.listKind === "message");
}

function faultsOf(desc: DescMessage, count: (field: DescField) => number): FieldFault[] {
  return listsOf(desc).flatMap((field) => {
    const items = count(field);
    if (items <= ITEMS_AT_MOST) return [];
    const description = `has ${items} items, over the limit of ${ITEMS_AT_MOST}`;
    return [{ field: field.name, description }];
  });
}

function countJson(message: Uint8Array): (field: DescField) => number {
  const json: unknown = parse(utf8.decode(message));
  return ({ name, jsonName }) =>
    typeof json !== "object" || json === null
      ? 0
      : Math.max(...[name, jsonName].map((key) => lengthOf(Reflect.get(json, key))));
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function countBinary(desc: DescMessage, message: Uint8Array): (field: DescField) => number {
  const counts = countFields(desc, message, BINARY_OPTIONS.recursionLimit);
  return ({ number }) => counts.get(number) ?? 0;
}

/** A second message is refused, but decoded before: an empty one takes the place of all that stands behind the first. */
function withoutMore(body: Buffer, header: Headers): Buffer {
  if (!isEnveloped(header) || body.byteLength < ENVELOPE_HEADER_BYTES) return body;
  const end = ENVELOPE_HEADER_BYTES + body.readUInt32BE(1);
  if (body.byteLength <= end) return body;
  return Buffer.concat([body.subarray(0, end), encodeEnvelope(0, nothing(header))]);
}

/** The message's own bytes: out of its envelope, and inflated. */
async function messageOf(body: Buffer, header: Headers): Promise<Uint8Array | undefined> {
  if (!isEnveloped(header)) return inflated(body, header.get("content-encoding"));
  const flags = body[0] ?? 0;
  const bytes = body.byteLength < ENVELOPE_HEADER_BYTES ? 0 : body.readUInt32BE(1);
  const data = body.subarray(ENVELOPE_HEADER_BYTES, ENVELOPE_HEADER_BYTES + bytes);
  return (flags & COMPRESSED_FLAG) === 0 ? data : inflated(data, header.get("grpc-encoding"));
}

async function inflated(
  bytes: Uint8Array,
  encoding: string | null,
): Promise<Uint8Array | undefined> {
  if (encoding === null || encoding === "identity") return bytes;
  const compression = COMPRESSIONS.find(({ name }) => name === encoding);
  return compression?.decompress(bytes, MAX_MESSAGE_BYTES);
}

function emptied(request: UniversalServerRequest): UniversalServerRequest {
  const empty = nothing(request.header);
  const body = isEnveloped(request.header) ? encodeEnvelope(0, empty) : empty;
  const header = new Headers(request.header);
  header.delete("content-length");
  header.delete("content-encoding");
  return { ...request, header, body: createAsyncIterable([body]) };
}

function nothing(header: Headers): Buffer {
  return Buffer.from(isJson(header) ? "{}" : "");
}

function isEnveloped(header: Headers): boolean {
  return /^application\/grpc/i.test(header.get("content-type") ?? "");
}

function isJson(header: Headers): boolean {
  return /^application\/(grpc(-web)?\+)?json/i.test(header.get("content-type") ?? "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
