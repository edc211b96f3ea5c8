/**
 * From a Node request to the RPC it names, and back: Connect's handlers behind our own adapter.
 * Boundary: any fault of a request ends in an answer; none may reach the process as an uncaught error.
 */
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Transport,
} from "@connectrpc/connect";
import {
  createAsyncIterable,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Log } from "../../process/log.ts";
import { putAnswer, withoutAccepted } from "./answer-body.ts";
import { type AnswerDeps, announce, refusedUnread } from "./call-steps.ts";
import { COMPRESSIONS } from "./compressions.ts";
import { boundDeadline } from "./deadlines.ts";
import { explainUnreached, MAX_MESSAGE_BYTES } from "./decoding-faults.ts";
import { answerShortCall, sendShortAnswer, shortCallOf } from "./grpc-way.ts";
import type { Guard } from "./guard.ts";
import { type CallMark, callMark, createInterceptor } from "./interceptor.ts";
import { JSON_OPTIONS } from "./json-fault.ts";
import { createLocalTransport } from "./local-calls.ts";
import { breakOff, type NodeRequest, type NodeResponse, pathOf } from "./node-calls.ts";
import type { PrefixOf } from "./prefix.ts";
import { largeHeader, unknownRpc, withReadableStatus, withWords } from "./protocol-words.ts";
import {
  emptied,
  isJson,
  readBody,
  readMessage,
  readPlainMessage,
  type UnreadRequest,
} from "./request-body.ts";
import { dropRest } from "./request-rest.ts";
import { createRestDoor } from "./rest/door.ts";
import { sendStream } from "./stream-answers.ts";
import { STREAM_LIMITS } from "./stream-limits.ts";
import { registerAll } from "./unary-call.ts";
import { createUnreadAnswers, type UnreadAnswers } from "./unread-answers.ts";

/** Answers a request when its path is an RPC's, or one of REST; false: the path is none. */
export interface RpcRouter {
  (request: NodeRequest, response: NodeResponse): boolean;
  /** The same RPCs for the other doors of the process. */
  readonly local: Transport;
  /** What those doors count their answers by, too. */
  readonly unread: UnreadAnswers;
}

interface RouterOptions {
  /** How long a caller may leave a message of a stream untaken. */
  readonly takenWithinMs?: number;
  /** None unless given. */
  readonly prefixOf?: PrefixOf;
}

/** A router over the RPCs that `register` adds; with a guard only callers that it knows get through. */
export function createRpcRouter(
  register: (router: ConnectRouter) => void,
  log: Log,
  guard?: Guard,
  { takenWithinMs = STREAM_LIMITS.takenWithinMs, prefixOf = () => "" }: RouterOptions = {},
): RpcRouter {
  const router = createConnectRouter({
    interceptors: [createInterceptor(log)],
    readMaxBytes: MAX_MESSAGE_BYTES,
    acceptCompression: [...COMPRESSIONS],
    jsonOptions: JSON_OPTIONS,
  });
  const unary = registerAll(router, register);
  const byPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const unread = createUnreadAnswers(log);
  const deps = { log, guard, unary, takenWithinMs, unread };
  const rest = createRestDoor(router.handlers, { ...deps, prefixOf });
  const route = (request: NodeRequest, response: NodeResponse) => {
    const handler = byPath.get(pathOf(request));
    const answering =
      handler === undefined
        ? (rest(request, response) ?? refuse(request, response))
        : (refuse(request, response, handler) ?? answer(handler, request, response, deps));
    if (answering === undefined) return false;
    answering.catch((error: unknown) => {
      // Most often the caller has gone; what the call did is decided and committed elsewhere.
      log.debug("an answer could not be sent", { path: pathOf(request), error });
      breakOff(request, response);
    });
    return true;
  };
  return Object.assign(route, { unread, local: createLocalTransport({ unary, guard, log }) });
}

/** Answers what the header alone is refused for; undefined: nothing, or it is no call. */
function refuse(
  request: NodeRequest,
  response: NodeResponse,
  handler?: UniversalHandler,
): Promise<void> | undefined {
  const type = request.headers["content-type"] ?? "";
  const large = largeHeader(request.rawHeaders, type);
  const unknown =
    handler === undefined ? unknownRpc(pathOf(request), request.method, type) : undefined;
  const made = large ?? unknown;
  if (made === undefined) return undefined;
  dropRest(request, response);
  return universalResponseToNodeResponse(made, response);
}

async function answer(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  deps: AnswerDeps,
): Promise<void> {
  dropRest(request, response);
  const rpc = deps.unary.get(handler.method);
  const call = rpc === undefined ? undefined : shortCallOf(request);
  // An iterator that leaves early and destroys the stream would take the way to what is left with it.
  const body = request.iterator({ destroyOnReturn: false });
  if (rpc === undefined || call === undefined || !("stream" in response)) {
    return answerByConnect(handler, request, response, body, deps);
  }
  const { mark } = call;
  if (!(await refusedUnread(rpc.method, request, call.header, mark, deps))) {
    const bytes = await readBody(body);
    const found = readPlainMessage(rpc.method.input, bytes);
    if (found === undefined) {
      return answerByConnect(handler, request, response, createAsyncIterable([bytes]), deps);
    }
    Object.assign(mark, found);
  }
  const answered = await answerShortCall(deps.log, rpc, call, response);
  await announce(handler, request, response, mark, deps);
  sendShortAnswer(answered, response);
}

async function answerByConnect(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  body: AsyncIterable<Uint8Array>,
  deps: AnswerDeps,
): Promise<void> {
  const mark: CallMark = { reached: false, bug: false };
  const values = createContextValues().set(callMark, mark);
  const asked = { ...universalRequestFromNodeRequest(request, response, undefined, values), body };
  boundDeadline(asked.header);
  const isUnary = handler.method.methodKind === "unary";
  if (!isUnary) return answerStream(handler, request, response, asked, mark, deps);
  const made = await handler(await read(handler, request, asked, mark, deps));
  const answered = await finish(made, asked, mark);
  if (mark.reached && !mark.bug && answered.status === 500) {
    deps.log.error("an answer could not be encoded", { method: handler.method.name });
  }
  await announce(handler, request, response, mark, deps);
  await universalResponseToNodeResponse(answered, response);
}

/** A stream: its caller is known first, and what it sends is unread until the caller takes it. */
async function answerStream(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  asked: UnreadRequest,
  mark: CallMark,
  deps: AnswerDeps,
): Promise<void> {
  // The interceptor finds the refusal in the mark.
  await refusedUnread(handler.method, request, asked.header, mark, deps);
  mark.asJson = isJson(asked.header);
  const answered = await finish(await handler(asked), asked, mark);
  await sendStream(answered, mark.frames, request, response, deps);
}

async function read(
  { method }: UniversalHandler,
  request: NodeRequest,
  asked: UnreadRequest,
  mark: CallMark,
  deps: AnswerDeps,
): Promise<UniversalServerRequest> {
  mark.asJson = isJson(asked.header) || /[?&]encoding=json(&|$)/.test(asked.url);
  const header = withoutAccepted(asked.header);
  if (await refusedUnread(method, request, asked.header, mark, deps)) {
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
