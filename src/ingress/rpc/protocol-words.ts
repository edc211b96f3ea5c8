/**
 * What is answered beside the RPCs in the forms of the three protocols: an RPC that is not there, a wrong method or type;
 * and the trailers of gRPC, in which an error's text is readable.
 * Boundary: forms only; codes and details are errors.ts.
 */
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { protocolError } from "./errors.ts";

const GRPC = /^application\/grpc(\+[a-z]+)?($|;| )/i;
const GRPC_WEB = /^application\/grpc-web/i;
const CONNECT = /^application\/(connect\+)?(json|proto)($|;| )/i;
const CONNECT_STREAM = /^application\/connect\+/i;
const RPC_PATH = /^\/[\w.]+\/\w+$/;
const ENVELOPE_HEADER_BYTES = 5;
const HEADERS_AT_MOST_BYTES = 16 * 1024;
const HEADER_BYTES = 32;
const TYPES =
  "application/grpc, application/grpc-web (+proto or +json), application/proto and application/json";

/** The answer to a call of an RPC that does not exist; undefined: the request is no call. */
export function unknownRpc(
  path: string,
  method: string | undefined,
  contentType: string,
): UniversalServerResponse | undefined {
  if (method !== "POST" || !RPC_PATH.test(path)) return undefined;
  const error = protocolError(Code.Unimplemented, `there is no RPC ${path.slice(1)}`);
  return inFormOf(contentType, error);
}

/** The answer to a request whose headers are over the limit; undefined where they are not. */
export function largeHeader(
  rawHeaders: readonly string[],
  contentType: string,
): UniversalServerResponse | undefined {
  // As HTTP/2 counts them: 32 bytes for each besides its name and value, which stand there in turn.
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length + HEADER_BYTES / 2, 0);
  if (bytes <= HEADERS_AT_MOST_BYTES) return undefined;
  const words = `the headers have ${bytes} bytes, more than the limit of ${HEADERS_AT_MOST_BYTES} bytes`;
  return inFormOf(contentType, protocolError(Code.ResourceExhausted, words)) ?? textual(431, words);
}

/** A call that is refused before anything reads it, in the form of its protocol; undefined: of none that is known. */
function inFormOf(contentType: string, error: ConnectError): UniversalServerResponse | undefined {
  if (GRPC_WEB.test(contentType) || GRPC.test(contentType)) {
    // Without a message the status stands in the header: "trailers only".
    const header = setTrailerStatus(new Headers({ "content-type": contentType }), error);
    return { status: 200, header: readableStatus(header) };
  }
  if (!CONNECT.test(contentType)) return undefined;
  if (CONNECT_STREAM.test(contentType)) return endedStream(contentType, error);
  const body = errorToJsonBytes(error, undefined);
  const header = new Headers({
    "content-type": "application/json",
    "content-length": String(body.byteLength),
  });
  return { status: codeToHttpStatus(error.code), header, body: createAsyncIterable([body]) };
}

/** A stream of Connect has its error in the last message: clients do not read the body of another status. */
function endedStream(contentType: string, error: ConnectError): UniversalServerResponse {
  const end = JSON.stringify(endStreamToJson(new Headers(), error, undefined));
  const body = encodeEnvelope(endStreamFlag, Buffer.from(end));
  const header = new Headers({ "content-type": contentType });
  return { status: 200, header, body: createAsyncIterable([body]) };
}

/** Connect's own 405 and 415, which say nothing, with words. */
export function withWords(
  made: UniversalServerResponse,
  contentType: string,
): UniversalServerResponse {
  if (made.body !== undefined) return made;
  if (made.status === 405) {
    return textual(405, "an RPC is called by POST; GET is for those without side effects alone", {
      allow: "POST",
    });
  }
  if (made.status !== 415) return made;
  if (/^application\/grpc-web-text/i.test(contentType)) {
    const words = "the text mode of gRPC-Web is not supported; use application/grpc-web+proto";
    return inFormOf(contentType, protocolError(Code.Unimplemented, words)) ?? made;
  }
  const sent = contentType === "" ? "without a content-type" : "of another content-type";
  return textual(415, `a call ${sent} is not read; known are ${TYPES}`, { "accept-post": TYPES });
}

function textual(status: number, words: string, more: Record<string, string> = {}) {
  const body = Buffer.from(JSON.stringify({ status: words }));
  const header = new Headers({ ...more, "content-type": "application/json; charset=utf-8" });
  header.set("content-length", String(body.byteLength));
  return { status, header, body: createAsyncIterable<Uint8Array>([body]) };
}

/** The response with readable texts in its trailers, which are known when its body ends. */
export function withReadableStatus(made: UniversalServerResponse): UniversalServerResponse {
  const type = made.header?.get("content-type") ?? "";
  if (made.body === undefined || !type.startsWith("application/grpc")) return made;
  return { ...made, body: readable(made, made.body, GRPC_WEB.test(type)) };
}

async function* readable(
  { trailer }: UniversalServerResponse,
  body: AsyncIterable<Uint8Array>,
  isWeb: boolean,
): AsyncIterable<Uint8Array> {
  for await (const chunk of body) yield isWeb ? readableChunk(chunk) : chunk;
  if (trailer !== undefined) readableStatus(trailer);
}

/** Connect hands over one envelope at a time, the trailers in one of their own. */
function readableChunk(chunk: Uint8Array): Uint8Array {
  if (chunk[0] !== trailerFlag) return chunk;
  const trailer = trailerParse(chunk.subarray(ENVELOPE_HEADER_BYTES));
  return encodeEnvelope(trailerFlag, trailerSerialize(readableStatus(trailer)));
}

/** The trailers of a call with the text of its error as gRPC wants it. */
export function readableStatus(trailer: Headers): Headers {
  const sent = trailer.get("grpc-message");
  if (sent !== null) trailer.set("grpc-message", encodeStatusMessage(decodeURIComponent(sent)));
  return trailer;
}

/** A text as gRPC wants it: escaped is what is outside of 0x20 to 0x7E, and the percent sign. */
function encodeStatusMessage(text: string): string {
  return text.replaceAll(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}
