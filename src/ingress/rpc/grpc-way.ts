/**
 * The short way of a unary gRPC call over HTTP/2: what Connect does for such a call, without its pipeline of streams, signals
 * and copied headers, which takes as much of the event loop as all else that a StartRun needs.
 * Boundary: calls whose headers and body are in order. Whatever else comes, other protocols included, goes Connect's way.
 * Invariant: a caller cannot see which way its call went.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import {
  create,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ContextValues,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { grpcStatusOk, parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { Log } from "../../process/log.ts";
import { compressed } from "./answer-body.ts";
import { boundDeadline } from "./deadlines.ts";
import { type CallMark, callMark, surround } from "./interceptor.ts";
import { readableStatus } from "./protocol-words.ts";
import { COMPRESSED_FLAG } from "./request-body.ts";

/** A unary RPC and its handler. */
export interface UnaryRpc {
  readonly method: DescMethodUnary;
  handle(
    message: Message,
    context: HandlerContext,
  ):
    | Promise<MessageInitShape<DescMethodUnary["output"]>>
    | MessageInitShape<DescMethodUnary["output"]>;
}

/** A call that goes the short way. */
export interface ShortCall {
  readonly request: Http2ServerRequest;
  readonly header: Headers;
  readonly timeoutMs: number | undefined;
  readonly values: ContextValues;
  readonly mark: CallMark;
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

/** Registers all services; gives their unary RPCs by method, as they are answered without Connect. */
export function registerAll(
  router: ConnectRouter,
  register: (router: ConnectRouter) => void,
): Map<DescMethod, UnaryRpc> {
  const unary = new Map<DescMethod, UnaryRpc>();
  const noting: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, implementation, options);
      for (const rpc of unaryRpcsOf(service, implementation)) unary.set(rpc.method, rpc);
      return noting;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, options);
      return noting;
    },
  };
  register(noting);
  return unary;
}

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
  const mark: CallMark = { reached: false, bug: false };
  const values = createContextValues().set(callMark, mark);
  return { request, header, timeoutMs: timeout.timeoutMs, values, mark };
}

/** Has the handler answer; an error is in the answer's trailer. */
export async function answerShortCall(
  log: Log,
  { method, handle }: UnaryRpc,
  { request, header, timeoutMs, values, mark }: ShortCall,
): Promise<ShortAnswer> {
  const answered = { header: new Headers({ "content-type": TYPE }), trailer: new Headers() };
  const { signal, release } = signalOf(request, timeoutMs);
  const { message = create(method.input) } = mark;
  const context: HandlerContext = {
    ...{ method, service: method.parent, requestMethod: "POST", url: urlOf(request) },
    ...{ protocolName: "grpc", timeoutMs: () => timeoutMs, signal, values },
    requestHeader: header,
    responseHeader: answered.header,
    responseTrailer: answered.trailer,
  };
  mark.reached = true;
  try {
    await surround(
      log,
      { method, message, header, signal, contextValues: values },
      mark,
      async () => create(method.output, await handle(message, context)),
    );
    return await readyAnswer(answered, mark.answer, header.get("grpc-accept-encoding"));
  } catch (thrown) {
    const error =
      thrown instanceof ConnectError
        ? thrown
        : new ConnectError("internal error", Code.Internal, undefined, undefined, thrown);
    return { ...answered, trailer: readableStatus(setTrailerStatus(answered.trailer, error)) };
  } finally {
    release();
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

function unaryRpcsOf(service: DescService, implementation: object): UnaryRpc[] {
  return service.methods.filter(isUnary).flatMap((method) => {
    const handler: unknown = Reflect.get(implementation, method.localName);
    if (typeof handler !== "function") return [];
    const handle: UnaryRpc["handle"] = (message, context) =>
      Reflect.apply(handler, implementation, [message, context]);
    return [{ method, handle }];
  });
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

/** Aborted when the caller goes or its deadline passes, until it is released. */
function signalOf({ stream }: Http2ServerRequest, timeoutMs: number | undefined) {
  const controller = new AbortController();
  const onClose = () => controller.abort(new ConnectError("the caller has gone", Code.Canceled));
  const onTime = () =>
    controller.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
  const isOver = timeoutMs !== undefined && timeoutMs <= 0;
  if (isOver) onTime();
  const timer = timeoutMs === undefined || isOver ? undefined : setTimeout(onTime, timeoutMs);
  if (stream.destroyed) onClose();
  else stream.once("close", onClose);
  const release = () => {
    clearTimeout(timer);
    stream.off("close", onClose);
  };
  return { signal: controller.signal, release };
}

function headersOf({ headers }: Http2ServerRequest): Headers {
  const header = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of Array.isArray(value) ? value : [value]) header.append(name, each);
  }
  return header;
}

function urlOf({ scheme, authority, url }: Http2ServerRequest): string {
  return `${scheme}://${authority}${url}`;
}

function plainOf(header: Headers): Record<string, string> {
  return Object.fromEntries(header);
}
