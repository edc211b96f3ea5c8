/**
 * The Connect protocol, unary, over HTTP/1.1 with connections that are kept.
 * Boundary: bytes in, message or CallFailure out; no retry but the one of a connection that was closed while idle.
 * Why not the general client: a unary call is the dearest thing the service does, the stored bytes must be sent as they
 * are, and the HTTP status of a foreign answer (a plain 409 of an idempotency layer) must be seen.
 */
import http from "node:http";
import https from "node:https";
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { codeFromHttpStatus, codeFromString } from "@connectrpc/connect/protocol-connect";
import { CallFailure } from "./call-failure.ts";
import { MAX_REPLY_BYTES, type Transport, type TransportOptions } from "./transport.ts";

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly replayed: boolean;
  readonly body: Buffer;
}

interface Target {
  readonly client: typeof http | typeof https;
  readonly agent: http.Agent;
  readonly base: URL;
  readonly path: string;
  readonly timeoutMs: number;
}

const IDLE_CONNECTION_MS = 30_000;
const CONTENT_TYPE = "application/proto";

/** Makes the way to one collaborator. */
export function createConnectTransport(options: TransportOptions): Transport {
  const base = new URL(options.baseUrl);
  const secure = base.protocol === "https:";
  const settings: https.AgentOptions = {
    keepAlive: true,
    maxSockets: options.connections,
    maxFreeSockets: options.connections,
    scheduling: "lifo",
    timeout: IDLE_CONNECTION_MS,
  };
  const target: Target = {
    client: secure ? https : http,
    agent: secure ? new https.Agent(settings) : new http.Agent(settings),
    base,
    path: base.pathname.replace(/\/+$/, ""),
    timeoutMs: options.timeoutMs,
  };
  return {
    async send(method, request, headers, timeoutMs = target.timeoutMs) {
      const path = `${target.path}/${method.parent.typeName}/${method.name}`;
      const reply = await post({ ...target, timeoutMs }, path, request, headers, true);
      return readReply(method, reply);
    },
    close: () => target.agent.destroy(),
  };
}

function post(
  target: Target,
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  mayRepeat: boolean,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = target.client.request({
      agent: target.agent,
      protocol: target.base.protocol,
      hostname: target.base.hostname.replace(/^\[|\]$/g, ""),
      port: target.base.port,
      method: "POST",
      path,
      headers: {
        "content-type": CONTENT_TYPE,
        "content-length": body.length,
        "connect-protocol-version": "1",
        "connect-timeout-ms": target.timeoutMs,
        "accept-encoding": "identity",
        ...headers,
      },
    });
    // These timers have one of two lengths: Node keeps a list for each.
    const timer = setTimeout(
      () => request.destroy(deadlineExceeded(target.timeoutMs)),
      target.timeoutMs,
    );
    let answering = false;
    const fail = (error: Error) => {
      clearTimeout(timer);
      // The peer closed a connection that was idle; the key makes one more send safe.
      const stale =
        mayRepeat && !answering && request.reusedSocket && codeOf(error) === "ECONNRESET";
      if (stale) resolve(post(target, path, body, headers, false));
      else reject(brokenCall(error));
    };
    request.on("error", fail);
    request.on("response", (response) => {
      answering = true;
      collect(response, fail, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
    });
    request.end(body);
  });
}

function collect(
  response: http.IncomingMessage,
  fail: (error: Error) => void,
  done: (reply: Reply) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES) response.destroy(replyTooLarge());
    else chunks.push(chunk);
  });
  response.on("error", fail);
  response.on("end", () => {
    done({
      status: response.statusCode ?? 0,
      contentType: response.headers["content-type"] ?? "",
      replayed: response.headers["x-idempotent-replay"] === "true",
      body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
    });
  });
}

function readReply<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  reply: Reply,
): MessageShape<O> {
  if (reply.status !== 200) throw answeredError(reply);
  if (!reply.contentType.startsWith(CONTENT_TYPE)) {
    throw new CallFailure(`answered with ${reply.contentType || "no content type"}`, {
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
function answeredError(reply: Reply): CallFailure {
  const fault = parseError(reply.body);
  return new CallFailure(fault.message || `HTTP ${reply.status}`, {
    kind: "answered",
    code: fault.code ?? codeOfStatus(reply.status),
    httpStatus: reply.status,
    replayed: reply.replayed,
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

function brokenCall(error: Error): CallFailure {
  if (error instanceof CallFailure) return error;
  const message = `no answer: ${codeOf(error) || error.message}`;
  return new CallFailure(message, { kind: "broken", code: Code.Unavailable, cause: error });
}

function deadlineExceeded(timeoutMs: number): CallFailure {
  const message = `no answer within ${timeoutMs} ms`;
  return new CallFailure(message, { kind: "broken", code: Code.DeadlineExceeded });
}

function replyTooLarge(): CallFailure {
  const message = `the reply has more than ${MAX_REPLY_BYTES} bytes`;
  return new CallFailure(message, { kind: "unreadable", code: Code.OutOfRange });
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
