/**
 * A unary call as its handler does it, without Connect's pipeline of streams, signals and copied headers: for gRPC over HTTP/2
 * (grpc-way.ts) and REST.
 * Boundary: the call between its decoded request and its encoded answer, which stands in the mark; forms of protocols are the callers'.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
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
import type { Log } from "../../process/log.ts";
import { type CallMark, callMark, surround } from "./interceptor.ts";
import type { NodeRequest, NodeResponse } from "./node-calls.ts";

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

/** A unary call on its way to its handler. */
export interface HandledCall {
  readonly header: Headers;
  readonly timeoutMs: number | undefined;
  readonly values: ContextValues;
  readonly mark: CallMark;
}

/** How a call came, and where its handler puts what it says in headers. */
interface Surroundings extends Pick<HandlerContext, "protocolName" | "requestMethod" | "url"> {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly answered: { readonly header: Headers; readonly trailer: Headers };
}

/** A call with these headers, of which nothing is known yet. */
export function newCall(header: Headers, timeoutMs: number | undefined): HandledCall {
  const mark: CallMark = { reached: false, bug: false };
  return { header, timeoutMs, values: createContextValues().set(callMark, mark), mark };
}

/** Has the handler answer: gives its answer, whose bytes are in the mark. Rejects with a ConnectError. */
export async function handleCall(
  log: Log,
  { method, handle }: UnaryRpc,
  { header, timeoutMs, values, mark }: HandledCall,
  { request, response, answered, ...shown }: Surroundings,
): Promise<Message | undefined> {
  const { signal, release } = signalOf("stream" in request ? request.stream : response, timeoutMs);
  const { message = create(method.input) } = mark;
  const context: HandlerContext = {
    ...{ method, service: method.parent, ...shown },
    ...{ timeoutMs: () => timeoutMs, signal, values },
    requestHeader: header,
    responseHeader: answered.header,
    responseTrailer: answered.trailer,
  };
  mark.reached = true;
  let made: Message | undefined;
  try {
    await surround(
      log,
      { method, message, header, signal, contextValues: values },
      mark,
      async () => {
        made = create(method.output, await handle(message, context));
        return made;
      },
    );
    return made;
  } catch (thrown) {
    throw asConnectError(thrown);
  } finally {
    release();
  }
}

/** What is sent of an error: of one without a code nothing. */
export function asConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  return new ConnectError("internal error", Code.Internal, undefined, undefined, thrown);
}

/** The headers of a request. */
export function headersOf({ headers }: IncomingMessage | Http2ServerRequest): Headers {
  const header = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const each of Array.isArray(value) ? value : [value]) header.append(name, each);
  }
  return header;
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

/** What closes when a caller goes. */
interface Closing {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/** Aborted when the caller goes or its deadline passes, until it is released. */
function signalOf(closing: Closing, timeoutMs: number | undefined) {
  const controller = new AbortController();
  const onClose = () => controller.abort(new ConnectError("the caller has gone", Code.Canceled));
  const onTime = () =>
    controller.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
  const isOver = timeoutMs !== undefined && timeoutMs <= 0;
  if (isOver) onTime();
  const timer = timeoutMs === undefined || isOver ? undefined : setTimeout(onTime, timeoutMs);
  if (closing.destroyed) onClose();
  else closing.once("close", onClose);
  const release = () => {
    clearTimeout(timer);
    closing.off("close", onClose);
  };
  return { signal: controller.signal, release };
}
