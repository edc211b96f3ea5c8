/**
 * gRPC (HTTP/2) and gRPC-Web (HTTP/1.1) through the general client, for collaborators that speak nothing else.
 * Boundary: the one place that translates ConnectError. A message is decoded and encoded again on its way; the same
 * bytes come out, for fields are written in the order of their numbers both times.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientResponse } from "@connectrpc/connect/protocol";
import { createTransport as createGrpc } from "@connectrpc/connect/protocol-grpc";
import { createTransport as createGrpcWeb } from "@connectrpc/connect/protocol-grpc-web";
import { createNodeHttpClient, Http2SessionManager } from "@connectrpc/connect-node";
import { CallFailure, type FailureKind } from "./call-failure.ts";
import { createHttp2Client, RefusedStream } from "./http2-client.ts";
import { MAX_REPLY_BYTES, type Transport, type TransportOptions } from "./transport.ts";

const REPLAYED = "x-idempotent-replay";
const GRPC_STATUS = "grpc-status";
const CONFLICT = 409;
/** The prefix of a message: one byte of flags, four of length. */
const FRAME_HEAD_BYTES = 5;
const REQUEST_BYTES_AT_MOST = 64 * 1024 * 1024;
const PING_TIMEOUT_MS = 5_000;

/** Makes the way to one collaborator. */
export function createFramedTransport(
  protocol: "grpc" | "grpc-web",
  { baseUrl, timeoutMs: usualTimeoutMs, pingTimeoutMs = PING_TIMEOUT_MS }: TransportOptions,
): Transport {
  const shared = {
    baseUrl,
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    readMaxBytes: MAX_REPLY_BYTES,
    writeMaxBytes: REQUEST_BYTES_AT_MOST,
  };
  const sessions = new Http2SessionManager(baseUrl);
  const transport =
    protocol === "grpc"
      ? createGrpc({
          ...shared,
          httpClient: withoutSurprises(createHttp2Client(sessions, pingTimeoutMs)),
        })
      : createGrpcWeb({
          ...shared,
          httpClient: withoutSurprises(createNodeHttpClient({ httpVersion: "1.1" })),
        });
  return {
    async send(method, request, headers, timeoutMs = usualTimeoutMs) {
      const message = create(method.input, fromBinary(method.input, request));
      const post = async () => {
        try {
          const reply = await transport.unary(method, undefined, timeoutMs, headers, message);
          return reply.message;
        } catch (error) {
          throw translateConnectError(error);
        }
      };
      return post().catch((error: unknown) => {
        // Not processed: one more send is safe, and says more of the collaborator than the end of a session does.
        if (error instanceof RefusedStream) return post();
        throw error;
      });
    },
    // Connections of HTTP/1.1 are closed by the client when idle; calls under way end by their deadline.
    close: () => sessions.abort(),
  };
}

/** Mends what an idempotency layer before a collaborator does to these protocols. */
function withoutSurprises(client: UniversalClientFn): UniversalClientFn {
  return async (request) => {
    const response = await client(request);
    if (response.status === CONFLICT) {
      for await (const _ of response.body);
      // Another try still holds the key; to the protocol every foreign status would be UNKNOWN.
      throw new ConnectError(`HTTP ${CONFLICT}`, Code.Aborted, response.header);
    }
    if (response.status !== 200) return response;
    const stored = response.header.get(REPLAYED) === "true";
    const whole = { ...response, body: requireWhole(response.body) };
    return stored ? withStatus(whole) : whole;
  };
}

/** A stored answer comes without its trailers. One that holds a message was a success. */
function withStatus(response: UniversalClientResponse): UniversalClientResponse {
  const { header, trailer } = response;
  async function* read() {
    let bytes = 0;
    for await (const chunk of response.body) {
      bytes += chunk.length;
      yield chunk;
    }
    const isTold = header.has(GRPC_STATUS) || trailer.has(GRPC_STATUS);
    if (!isTold && bytes >= FRAME_HEAD_BYTES) trailer.set(GRPC_STATUS, "0");
  }
  return { ...response, body: read() };
}

/** Passes the body on. One that ends within a message is no answer; the protocol would call the request invalid. */
async function* requireWhole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  let missing = 0;
  for await (const chunk of body) {
    let rest = chunk;
    while (rest.length > 0) {
      if (missing === 0) {
        const taken = rest.subarray(0, FRAME_HEAD_BYTES - head.length);
        head = Buffer.concat([head, taken]);
        rest = rest.subarray(taken.length);
        if (head.length < FRAME_HEAD_BYTES) break;
        missing = head.readUInt32BE(1);
        head = Buffer.alloc(0);
      }
      const taken = Math.min(missing, rest.length);
      missing -= taken;
      rest = rest.subarray(taken);
    }
    yield chunk;
  }
  if (missing === 0 && head.length === 0) return;
  throw new CallFailure("no answer: it broke off", { kind: "broken", code: Code.Unavailable });
}

/** A ConnectError as a CallFailure. What came from the collaborator carries its headers or trailers. */
export function translateConnectError(error: unknown): CallFailure {
  const known = ConnectError.from(error);
  if (known.cause instanceof CallFailure) return known.cause;
  const replayed = known.metadata.get(REPLAYED) === "true";
  return new CallFailure(known.rawMessage, {
    kind: kindOf(known),
    code: known.code,
    // Only stored server failures are replayed as errors; the protocol hides their status.
    ...(replayed ? { replayed, httpStatus: 500 } : {}),
    cause: error,
  });
}

function kindOf(error: ConnectError): FailureKind {
  if (error.cause instanceof Error && "code" in error.cause) return "broken";
  const answered = !error.metadata.keys().next().done;
  if (answered) return "answered";
  // Without an answer this code is the client's own: the reply is over readMaxBytes.
  if (error.code === Code.ResourceExhausted) return "unreadable";
  return error.code === Code.DeadlineExceeded || error.code === Code.Canceled
    ? "broken"
    : "answered";
}
