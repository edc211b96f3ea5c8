/**
 * Messages of a stream on their way to a caller, who may not read them.
 * Boundary: bytes and connections; what a message is, is not known here.
 */
import { constants } from "node:http2";
import type { Log } from "../../process/log.ts";
import {
  breakOff,
  connectionOf,
  type NodeRequest,
  type NodeResponse,
  pathOf,
} from "./node-calls.ts";
import type { UnreadAnswers } from "./unread-answers.ts";

/** What streams need. */
export interface StreamDeps {
  readonly log: Log;
  readonly unread: UnreadAnswers;
  /** How long a caller may leave a message untaken. */
  readonly takenWithinMs: number;
}

/**
 * The chunks of `body`. A stream whose caller leaves a message untaken is cut off: by a code that gRPC and Connect read as RESOURCE_EXHAUSTED, where
 * it has one. Where the connection is stuck, so that the code does not get out, the connection goes a little later.
 */
export async function* heldUntilTaken(
  body: AsyncIterable<Uint8Array>,
  request: NodeRequest,
  response: NodeResponse,
  { unread, log, takenWithinMs }: StreamDeps,
): AsyncGenerator<Uint8Array> {
  const cutOff = () => {
    log.info("a stream is not read and is cut off", { path: pathOf(request) });
    breakOff(request, response, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const stream = "stream" in request ? request.stream : response;
  for await (const chunk of body) {
    const letGo = unread.hold(connectionOf(request), chunk.byteLength);
    const patience = setTimeout(cutOff, takenWithinMs);
    const taken = () => {
      clearTimeout(patience);
      letGo();
    };
    // Nothing takes this generator up again when the stream closes while a chunk waits.
    stream.once("close", taken);
    try {
      yield chunk;
    } finally {
      stream.off("close", taken);
      taken();
    }
  }
}
