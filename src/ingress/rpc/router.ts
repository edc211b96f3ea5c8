/**
 * From a Node request to the RPC it names, and back: Connect's handlers behind our own adapter.
 * Boundary: any fault of a request ends in an answer; none may reach the process as an uncaught error.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { DescMessage } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Log } from "../../runtime/log.ts";
import { type Counted, countLists, hasLists } from "./crowded-lists.ts";
import { explainUnreached, MAX_MESSAGE_BYTES } from "./decoding-faults.ts";
import { invalidFields } from "./fields.ts";
import { type CallMark, callMark, createInterceptor } from "./interceptor.ts";
import { BINARY_OPTIONS, findJsonFault, JSON_OPTIONS } from "./json-fault.ts";

/** A request of HTTP/1.1 or HTTP/2, as Node hands it over. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** Where its answer goes. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

const DROPPED_BYTES_AT_MOST = 8 * 1024 * 1024;

type ReadRequest = UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> };

/** Answers a request when its path is an RPC's; false: the path is none. */
export type RpcRouter = (request: NodeRequest, response: NodeResponse) => boolean;

/** A router over the RPCs that `register` adds; each goes through the guards first. */
export function createRpcRouter(
  register: (router: ConnectRouter) => void,
  log: Log,
  guards: readonly Interceptor[] = [],
): RpcRouter {
  const router = createConnectRouter({
    interceptors: [createInterceptor(log), ...guards, refuseCrowded],
    readMaxBytes: MAX_MESSAGE_BYTES,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: JSON_OPTIONS,
    binaryOptions: BINARY_OPTIONS,
  });
  register(router);
  const byPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = byPath.get(pathOf(request));
    if (handler === undefined) return false;
    answer(handler, request, response, log).catch((error: unknown) => {
      // Most often the caller has gone; what the call did is decided and committed elsewhere.
      log.debug("an answer could not be sent", { method: handler.method.name, error });
      response.destroy();
    });
    return true;
  };
}

/** The path of a request, without its query. */
export function pathOf(request: NodeRequest): string {
  return request.url?.split("?", 1)[0] ?? "";
}

async function answer(
  handler: UniversalHandler,
  request: NodeRequest,
  response: NodeResponse,
  log: Log,
): Promise<void> {
  const mark: CallMark = { reached: false, bug: false };
  const values = createContextValues().set(callMark, mark);
  const read: Uint8Array[] = [];
  // An iterator that leaves early and destroys the stream would take the way to what is left with it.
  const body = request.iterator({ destroyOnReturn: false });
  const universal = {
    ...universalRequestFromNodeRequest(request, response, undefined, values),
    body: isPlainJson(request) ? keeping(body, read) : body,
  };
  const answering = "stream" in request ? request.stream : response;
  answering.once("finish", () => readAway(request));
  const counted = await counting(handler.method.input, universal);
  mark.crowded = counted.faults;
  const made = await handler(counted.request);
  const faultyField = () => findJsonFault(handler.method.input, Buffer.concat(read));
  const explained = mark.reached ? made : await explainUnreached(made, faultyField);
  if (mark.reached && !mark.bug && made.status === 500) {
    log.error("an answer could not be encoded", { method: handler.method.name });
  }
  await universalResponseToNodeResponse(explained, response);
}

async function counting(desc: DescMessage, request: ReadRequest): Promise<Counted> {
  return hasLists(desc) ? countLists(desc, request, request.body) : { request, faults: [] };
}

/** The last before the handler: who may not call at all is told that first. */
const refuseCrowded: Interceptor = (next) => async (request) => {
  const { crowded = [] } = request.contextValues.get(callMark);
  if (crowded.length > 0) throw invalidFields(crowded);
  return next(request);
};

function isPlainJson({ headers }: NodeRequest): boolean {
  const type = headers["content-type"] ?? "";
  return type.startsWith("application/json") && headers["content-encoding"] === undefined;
}

async function* keeping(
  chunks: AsyncIterable<Uint8Array>,
  kept: Uint8Array[],
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    kept.push(chunk);
    yield chunk;
  }
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
