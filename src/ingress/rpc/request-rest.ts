/**
 * What a call leaves unread of its body, once it is answered.
 * Boundary: reads and drops; the answer is router.ts's.
 */
import type { NodeRequest, NodeResponse } from "./node-calls.ts";

const DROPPED_BYTES_AT_MOST = 8 * 1024 * 1024;

/** Drops the rest of the request when it is answered, so that its connection goes on. */
export function dropRest(request: NodeRequest, response: NodeResponse): void {
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
