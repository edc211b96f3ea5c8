/**
 * What Connect answers by itself, before a handler is reached, in our words: a body that cannot be decoded is the
 * caller's fault (INVALID_ARGUMENT), though Connect calls most of them internal.
 * Boundary: looks at and remakes whole responses of the three protocols; knows no RPC.
 * Why here: the errors are made inside Connect's pipelines, past every interceptor.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  errorFromJsonBytes,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { protocolError } from "./errors.ts";

/** The largest message that is read. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

const ENVELOPE_HEADER_BYTES = 5;

/**
 * The response of a call that reached no handler, with code and details of our table.
 * Responses that are no RPC errors (405, 415, 505) are handed back as they are.
 */
export async function explainUnreached(
  response: UniversalServerResponse,
): Promise<UniversalServerResponse> {
  const contentType = response.header?.get("content-type") ?? "";
  if (contentType.startsWith("application/grpc-web")) return explainGrpcWeb(response);
  if (contentType.startsWith("application/grpc")) return explainGrpc(response);
  if (contentType.startsWith("application/json")) return explainConnect(response);
  return response;
}

async function explainConnect(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  if (response.status === 200 || response.header === undefined) return response;
  const encoding = response.header.get("content-encoding");
  const sent = await bytesOf(response);
  // A compressed error is read by its status alone; Connect compresses from 1 KiB on.
  const fallback = new ConnectError("the request cannot be read", codeOfStatus(response.status));
  const error = inOurWords(
    encoding === null ? errorFromJsonBytes(sent, undefined, fallback) : fallback,
  );
  const body = errorToJsonBytes(error, undefined);
  const header = new Headers(response.header);
  header.delete("content-encoding");
  header.set("content-length", String(body.byteLength));
  return { status: codeToHttpStatus(error.code), header, body: createAsyncIterable([body]) };
}

async function explainGrpc(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  // The trailer is filled while the body is read.
  const sent = await bytesOf(response);
  const found = response.trailer === undefined ? undefined : findTrailerError(response.trailer);
  if (found === undefined) return { ...response, body: createAsyncIterable([sent]) };
  const trailer = setTrailerStatus(new Headers(), inOurWords(found));
  return { ...response, body: createAsyncIterable<Uint8Array>([]), trailer };
}

async function explainGrpcWeb(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  const sent = await bytesOf(response);
  const plain = sent.length >= ENVELOPE_HEADER_BYTES && sent[0] === trailerFlag;
  const found = plain
    ? findTrailerError(trailerParse(sent.subarray(ENVELOPE_HEADER_BYTES)))
    : undefined;
  if (found === undefined) return { ...response, body: createAsyncIterable([sent]) };
  const trailer = setTrailerStatus(new Headers(), inOurWords(found));
  const body = createAsyncIterable([encodeEnvelope(trailerFlag, trailerSerialize(trailer))]);
  return { ...response, body };
}

/** The messages of a stream; one that cannot be decoded ends it with INVALID_ARGUMENT. */
export async function* explainUnreadMessages<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw thrown instanceof ConnectError ? inOurWords(thrown) : thrown;
  }
}

/** The error of a request that cannot be read, by our table; `findField` is asked for the path of the field at fault. */
export function inOurWords(error: ConnectError, findField = () => ""): ConnectError {
  const { rawMessage } = error;
  const malformed = error.code === Code.Internal || error.code === Code.Unknown;
  const code = malformed ? Code.InvalidArgument : error.code;
  if (code === Code.ResourceExhausted) return protocolError(code, sizeFault(rawMessage), error);
  if (code !== Code.InvalidArgument) return protocolError(code, rawMessage, error);
  const path = findField();
  const fault = { field: path === "" ? faultyField(rawMessage) : path, description: rawMessage };
  return protocolError(code, path === "" ? rawMessage : `${path}: ${rawMessage}`, error, [fault]);
}

/** Before a handler is reached nothing but the size of a message is exhausted; its first number, if there are two, is the size. */
function sizeFault(message: string): string {
  const [size, limit] = message.match(/\d+/g) ?? [];
  const bytes = limit === undefined ? "more" : `${size} bytes, more`;
  return `the request has ${bytes} than the limit of ${MAX_MESSAGE_BYTES} bytes`;
}

/** The field that protobuf's words name, by its own name; "" where they name none. The fault does not depend on it. */
function faultyField(message: string): string {
  const named = /^cannot decode field \S*\.(\w+) from JSON|: key "(\w+)" is unknown$/.exec(message);
  return named?.[1] ?? named?.[2] ?? "";
}

function codeOfStatus(status: number): Code {
  return status === 429 ? Code.ResourceExhausted : Code.InvalidArgument;
}

/** The whole body of a response. */
export async function bytesOf({ body }: UniversalServerResponse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}
