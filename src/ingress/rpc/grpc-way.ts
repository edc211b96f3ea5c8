/**
 * The short way of a unary gRPC call over HTTP/2: what Connect does for such a call, without its pipeline of streams, signals
 * and copied headers, which takes as much of the event loop as all else that a StartRun needs.
 * Boundary: calls whose headers and body are in order. Whatever else comes, other protocols included, goes Connect's way.
 * Invariant: a caller cannot see which way its call went.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { grpcStatusOk, parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Log } from "../../process/log.ts";
import { compressed } from "./answer-body.ts";
import { boundDeadline } from "./deadlines.ts";
import { readableStatus } from "./protocol-words.ts";
import { COMPRESSED_FLAG } from "./request-body.ts";
import {
  asConnectError,
  type HandledCall,
  handleCall,
  headersOf,
  newCall,
  type UnaryRpc,
} from "./unary-call.ts";

/** A call that goes the short way. */
export interface ShortCall extends HandledCall {
  readonly request: Http2ServerRequest;
}

/** An answer that is ready to be sent. */
export interface ShortAnswer {
  readonly header: Headers;
  /** Unset for an error. */
  readonly body?: Uint8Array;
  readonly trailer: Headers;
}

const PLAIN = /^application\/grpc(\+proto)?$/i;
const TYPE = "application/grpc+proto";

/** The call, when its headers let it go the short way. */
export function shortCallOf(request: IncomingMessage | Http2ServerRequest): ShortCall | undefined {
  if (!("stream" in request) || request.method !== "POST" || request.url.includes("?")) {
    return undefined;
  }
  const { headers } = request;
  if (!PLAIN.test(headers["content-type"] ?? "")) return undefined;
  if ((headers["grpc-encoding"] ?? "identity") !== "identity") return undefined;
  const header = headersOf(request);
  boundDeadline(header);
  const timeout = parseTimeout(header.get("grpc-timeout"), Number.MAX_SAFE_INTEGER);
  if (timeout.error !== undefined) return undefined;
  return { request, ...newCall(header, timeout.timeoutMs) };
}

/** Has the handler answer; an error is in the answer's trailer. */
export async function answerShortCall(
  log: Log,
  rpc: UnaryRpc,
  call: ShortCall,
  response: Http2ServerResponse,
): Promise<ShortAnswer> {
  const { request, header, mark } = call;
  const answered = { header: new Headers({ "content-type": TYPE }), trailer: new Headers() };
  const shown = { requestMethod: "POST", url: urlOf(request), protocolName: "grpc" };
  try {
    await handleCall(log, rpc, call, { request, response, answered, ...shown });
    return await readyAnswer(answered, mark.answer, header.get("grpc-accept-encoding"));
  } catch (thrown) {
    const trailer = setTrailerStatus(answered.trailer, asConnectError(thrown));
    return { ...answered, trailer: readableStatus(trailer) };
  }
}

async function readyAnswer(
  { header, trailer }: ShortAnswer,
  message: Uint8Array | undefined,
  accepted: string | null,
): Promise<ShortAnswer> {
  if (message === undefined) throw new Error("a call ended without an answer");
  const { bytes, encoding } = await compressed(message, accepted);
  if (encoding !== undefined) header.set("grpc-encoding", encoding);
  trailer.set("grpc-status", grpcStatusOk);
  const flags = encoding === undefined ? 0 : COMPRESSED_FLAG;
  return { header, trailer, body: encodeEnvelope(flags, bytes) };
}

/** Sends the answer: with its header, in as few frames as HTTP/2 needs. */
export function sendShortAnswer(answer: ShortAnswer, response: Http2ServerResponse): void {
  response.writeHead(200, plainOf(answer.header));
  response.addTrailers(plainOf(answer.trailer));
  if (answer.body === undefined) response.end();
  else response.end(answer.body);
}

function urlOf({ scheme, authority, url }: Http2ServerRequest): string {
  return `${scheme}://${authority}${url}`;
}

function plainOf(header: Headers): Record<string, string> {
  return Object.fromEntries(header);
}
