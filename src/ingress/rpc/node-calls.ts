/**
 * A call as Node hands it over, of HTTP/1.1 or HTTP/2.
 * Boundary: what both have in common; what is answered is router.ts's.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Connection } from "./unread-answers.ts";

/** A request of HTTP/1.1 or HTTP/2, as Node hands it over. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** Where its answer goes. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** The path of a request, without its query. */
export function pathOf(request: NodeRequest): string {
  return request.url?.split("?", 1)[0] ?? "";
}

/** The connection that carries a request. */
export function connectionOf(request: NodeRequest): Connection {
  return ("stream" in request ? request.stream.session : undefined) ?? request.socket;
}

/** Ends a call without an answer. A stream that is only destroyed ends without a code: its caller would wait on. */
export function breakOff(
  request: NodeRequest,
  response: NodeResponse,
  code: number = constants.NGHTTP2_INTERNAL_ERROR,
): void {
  if ("stream" in request) request.stream.close(code);
  else response.destroy();
}
