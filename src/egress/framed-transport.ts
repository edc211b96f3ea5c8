/**
 * gRPC (HTTP/2) and gRPC-Web (HTTP/1.1) through the general client, for collaborators that speak nothing else.
 * Boundary: the one place that translates ConnectError. A message is decoded and encoded again on its way; the same
 * bytes come out, for fields are written in the order of their numbers both times.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { CallFailure, type FailureKind } from "./call-failure.ts";
import { MAX_REPLY_BYTES, type Transport, type TransportOptions } from "./transport.ts";

/** Makes the way to one collaborator. */
export function createFramedTransport(
  protocol: "grpc" | "grpc-web",
  { baseUrl, timeoutMs }: TransportOptions,
): Transport {
  const shared = { baseUrl, readMaxBytes: MAX_REPLY_BYTES, acceptCompression: [] };
  const transport =
    protocol === "grpc"
      ? createGrpcTransport(shared)
      : createGrpcWebTransport({ ...shared, httpVersion: "1.1" });
  return {
    async send(method, request, headers) {
      const message = create(method.input, fromBinary(method.input, request));
      try {
        const reply = await transport.unary(method, undefined, timeoutMs, headers, message);
        return reply.message;
      } catch (error) {
        throw translateConnectError(error);
      }
    },
    // The client closes idle connections by itself; calls under way end by their deadline.
    close() {},
  };
}

/** A ConnectError as a CallFailure. What came from the collaborator carries its headers or trailers. */
export function translateConnectError(error: unknown): CallFailure {
  const known = ConnectError.from(error);
  const replayed = known.metadata.get("x-idempotent-replay") === "true";
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
