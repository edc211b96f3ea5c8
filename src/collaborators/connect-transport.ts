/**
 * The Connect protocol, unary, over HTTP/1.1 with connections that are kept.
 * Boundary: bytes in, message or CallFailure out. Connections are unary-call.ts's.
 * Why not the general client: a unary call is the dearest thing the service does, the stored bytes must be sent as they
 * are, and the HTTP status of a foreign answer (a plain 409 of an idempotency layer) must be seen.
 */
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { codeFromHttpStatus, codeFromString } from "@connectrpc/connect/protocol-connect";
import { CallFailure } from "./call-failure.ts";
import { MAX_REPLY_BYTES, type Transport, type TransportOptions } from "./transport.ts";
import { openConnections, type UnaryReply } from "./unary-call.ts";

const CONTENT_TYPE = "application/proto";

/** Makes the way to one collaborator. */
export function createConnectTransport(options: TransportOptions): Transport {
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, "");
  const connections = openConnections(base.origin, options);
  return {
    async send(method, request, headers, timeoutMs = options.timeoutMs) {
      const reply = await connections.send({
        path: `${prefix}/${method.parent.typeName}/${method.name}`,
        headers: headersOf(timeoutMs, headers),
        body: request,
        timeoutMs,
        bytesAtMost: MAX_REPLY_BYTES,
      });
      return readReply(method, reply);
    },
    close: () => connections.close(),
  };
}

/** Names and values in turn. */
function headersOf(timeoutMs: number, headers: Readonly<Record<string, string>>): string[] {
  return [
    ...["content-type", CONTENT_TYPE],
    ...["connect-protocol-version", "1"],
    ...["connect-timeout-ms", String(timeoutMs)],
    ...["accept-encoding", "identity"],
    ...Object.entries(headers).flat(),
  ];
}

function readReply<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  reply: UnaryReply,
): MessageShape<O> {
  if (reply.status !== 200) throw answeredError(reply);
  const contentType = reply.header("content-type");
  if (!contentType.startsWith(CONTENT_TYPE)) {
    throw new CallFailure(`answered with ${contentType || "no content type"}`, {
      kind: "answered",
      code: Code.Unknown,
      httpStatus: reply.status,
    });
  }
  try {
    return fromBinary(method.output, reply.body);
  } catch (cause) {
    const message = `the reply is no ${method.output.typeName}`;
    throw new CallFailure(message, { kind: "unreadable", code: Code.DataLoss, cause });
  }
}

/** Connect sends code and message in a JSON body; any other body leaves only the HTTP status. */
function answeredError(reply: UnaryReply): CallFailure {
  const fault = parseError(reply.body);
  return new CallFailure(fault.message || `HTTP ${reply.status}`, {
    kind: "answered",
    code: fault.code ?? codeOfStatus(reply.status),
    httpStatus: reply.status,
    replayed: reply.header("x-idempotent-replay") === "true",
  });
}

/** A plain 409 is an idempotency layer whose key another try still holds: it may be free later. */
function codeOfStatus(status: number): Code {
  return status === 409 ? Code.Aborted : codeFromHttpStatus(status);
}

function parseError(body: Buffer): { code?: Code | undefined; message: string } {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value !== "object" || value === null) return { message: "" };
    const code =
      "code" in value && typeof value.code === "string" ? codeFromString(value.code) : undefined;
    const message = "message" in value && typeof value.message === "string" ? value.message : "";
    return { code, message };
  } catch {
    // A proxy's page, or nothing at all: the status alone counts.
    return { message: "" };
  }
}
