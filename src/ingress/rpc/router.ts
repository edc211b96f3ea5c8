/**
 * From a Node request to the RPC it names, and back: Connect's handlers behind our own adapter.
 * Boundary: any fault of a request ends in an answer; none may reach the process as an uncaught error.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { putAnswer, withoutAccepted } from "./answer-body.ts";
import { COMPRESSIONS } from "./compressions.ts";
import { boundDeadline } from "./deadlines.ts";
import { explainUnreached, MAX_MESSAGE_BYTES } from "./decoding-faults.ts";
import { requireOneKey } from "./done-once.ts";
import type { Guard } from "./guard.ts";
import { type CallMark, callMark, createInterceptor } from "./interceptor.ts";
import { JSON_OPTIONS } from "./json-fault.ts";
import { largeHeader, unknownRpc, withReadableStatus, withWords } from "./protocol-words.ts";
import { emptied, isJson, readMessage, type UnreadRequest } from "./request-body.ts";
import { type Connection, createUnreadAnswers, type UnreadAnswers } from "./unread-answers.ts";

/** A request of HTTP/1.1 or HTTP/2, as Node hands it over. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** Where its answer goes. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

const DROPPED_BYTES_AT_MOST = 8 * 1024 * 1024;

/** Answers a request when its path is an RPC's; false: the path is none. */
export type RpcRouter = (request: NodeRequest, response: NodeResponse) => boolean;

/** A router over the RPCs that `register` adds; with a guard only callers that it knows get through. */
export function createRpcRouter(
  register: (router: ConnectRouter) => void,
  log: Log,
  guard?: Guard,
): RpcRouter {
  const router = createConnectRouter({
    interceptors: [createInterceptor(log)],
    readMaxBytes: MAX_MESSAGE_BYTES,
    acceptCompression: [...COMPRESSIONS],
    jsonOptions: JSON_OPTIONS,
  });
  register(router);
  const byPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const unread = createUnreadAnswers(log);
  return (request, response) => {
    const handler = byPath.get(pathOf(request));
    const refused = refusedByHeader(request, handler !== undefined);
    const answering =
      handler === undefined || refused !== undefined
        ? refused && send(refused, request, response)
        : answer(handler, request, response, { log, guard, unread });
    if (answering === undefined) return false;
    answering.catch((error: unknown) => {
      // Most often the caller has gone; what the call did is decided and committed elsewhere.
      log.debug("an answer could not be sent", { path: pathOf(request), error });
      breakOff(request, response);
    });
    return true;
  };
}

/** Ends a call without an answer. A stream that is only destroyed ends without a code: its caller would wait on. */
function breakOff(request: NodeRequest, response: NodeResponse): void {
  if ("stream" in request) request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

/** What the header alone is refused for; undefined: nothing, or it is no call. */
function refusedByHeader(
  request: NodeRequest,
  isRpc: boolean,
): UniversalServerResponse | undefined {
  const type = request.headers["content-type"] ?? "";
  const large = largeHeader(request.rawHeaders, type);
  if (large !== undefined || isRpc) return large;
  return unknownRpc(pathOf(request), request.method, type);
}

function send(
  made: UniversalServerResponse,
  request: NodeRequest,
  response: NodeResponse,
): Promise<void> {
  dropRest(request, response);
  return universalResponseToNodeResponse(made, response);
}

/** The path of a request, without its query. */
export function pathOf(request: NodeRequest): string {
  return request.url?.split("?", 1)[0] ?? "";
}

interface AnswerDeps {
  readonly log: Log;
  readonly guard: Guard | undefined;
  readonly unread: UnreadAnswers;
}

async function answer(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  deps: AnswerDeps,
): Promise<void> {
  const mark: CallMark = { reached: false, bug: false };
  const values = createContextValues().set(callMark, mark);
  // An iterator that leaves early and destroys the stream would take the way to what is left with it.
  const body = request.iterator({ destroyOnReturn: false });
  const asked = { ...universalRequestFromNodeRequest(request, response, undefined, values), body };
  dropRest(request, response);
  boundDeadline(asked.header);
  const isUnary = handler.method.methodKind === "unary";
  const made = await handler(isUnary ? await read(handler, request, asked, mark, deps) : asked);
  const answered = await finish(made, asked, mark);
  if (mark.reached && !mark.bug && answered.status === 500) {
    deps.log.error("an answer could not be encoded", { method: handler.method.name });
  }
  const bytes = mark.answer?.byteLength ?? 0;
  // Connect's own promise does not tell when an answer is out: it waits for an event that responses never emit.
  holdAnswer(request, response, bytes, deps.unread, () => {
    void reached("rpc.responded", handler.method.name);
  });
  await reached("rpc.answering", handler.method.name);
  await universalResponseToNodeResponse(answered, response);
}

function holdAnswer(
  request: NodeRequest,
  response: NodeResponse,
  bytes: number,
  unread: UnreadAnswers,
  onGone: () => void,
): void {
  const stream = "stream" in request ? request.stream : response;
  if (bytes === 0 || stream.destroyed) return;
  const letGo = unread.hold(connectionOf(request), bytes);
  stream.once("close", () => {
    letGo();
    onGone();
  });
}

function connectionOf(request: NodeRequest): Connection {
  return ("stream" in request ? request.stream.session : undefined) ?? request.socket;
}

/** The caller is known before a byte of the body is read. */
async function read(
  { method }: UniversalHandler,
  request: NodeRequest,
  asked: UnreadRequest,
  mark: CallMark,
  { guard, unread }: AnswerDeps,
): Promise<UniversalServerRequest> {
  mark.asJson = isJson(asked.header) || /[?&]encoding=json(&|$)/.test(asked.url);
  const header = withoutAccepted(asked.header);
  try {
    mark.caller = await guard?.(method, asked.header);
    requireOneKey(request.rawHeaders);
    await unread.room(connectionOf(request));
  } catch (error) {
    mark.fault = error;
    return emptied({ ...asked, header });
  }
  const { request: left, message, fault } = await readMessage(method.input, { ...asked, header });
  if (message !== undefined) mark.message = message;
  if (fault !== undefined) mark.fault = fault;
  return left;
}

async function finish(
  made: UniversalServerResponse,
  asked: UnreadRequest,
  mark: CallMark,
): Promise<UniversalServerResponse> {
  if (mark.answer !== undefined) {
    return withReadableStatus(await putAnswer(made, mark.answer, asked.header));
  }
  const explained = mark.reached ? made : await explainUnreached(made);
  const worded = withWords(explained, asked.header.get("content-type") ?? "");
  return withReadableStatus(worded);
}

function dropRest(request: NodeRequest, response: NodeResponse): void {
  const answering = "stream" in request ? request.stream : response;
  answering.once("finish", () => readAway(request));
}

/**
 * Reads and drops what a refused call left of its body: over HTTP/1.1 the connection's next request stands behind it, over
 * HTTP/2 it takes of what all its calls may send. There nothing ends it but its caller, so that a long one is broken off.
 */
function readAway(request: NodeRequest): void {
  if (request.complete) return;
  let bytes = 0;
  // An iterator may still hold the stream by its `readable` event, where resume() would not move it.
  const drop = () => {
    for (;;) {
      const chunk: Buffer | null = request.read();
      if (chunk === null) break;
      bytes += chunk.byteLength;
    }
    if ("stream" in request && bytes > DROPPED_BYTES_AT_MOST) request.stream.close();
  };
  request.on("readable", drop);
  drop();
}
