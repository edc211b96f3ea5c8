/**
 * A stream on its way to a caller, who may not read it.
 * Boundary: bytes and connections; what a message is, is not known here.
 */
import { constants } from "node:http2";
import { createAsyncIterable, type UniversalServerResponse } from "@connectrpc/connect/protocol";
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
 * Sends `made`, with `frames` in the place of the first chunk of its body, the empty message that Connect has made the header by;
 * without frames as it is. A stream whose caller leaves a chunk untaken is cut off: by a code that gRPC and Connect read as
 * RESOURCE_EXHAUSTED, where it has one. Where the connection is stuck, so that the code does not get out, the connection goes a
 * little later. Resolves when all of it is handed over, or the caller has gone.
 */
export async function sendStream(
  { status, header, body, trailer }: UniversalServerResponse,
  frames: AsyncIterable<Uint8Array> | undefined,
  request: NodeRequest,
  response: NodeResponse,
  deps: StreamDeps,
): Promise<void> {
  // A caller may go while a chunk is written: the error event has no other listener, and would end the process.
  response.on("error", () => {});
  response.writeHead(status, Object.fromEntries(header ?? []));
  const rest = (body ?? createAsyncIterable<Uint8Array>([]))[Symbol.asyncIterator]();
  try {
    for await (const chunk of frames ?? []) {
      if (!(await write(chunk, request, response, deps))) return;
    }
    if (frames !== undefined) await rest.next();
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      if (!(await write(next.value, request, response, deps))) return;
    }
  } finally {
    // Connect ends the call and its deadline here, also where the caller has gone.
    rest.return?.().catch(() => {});
  }
  if (trailer !== undefined) response.addTrailers(Object.fromEntries(trailer));
  response.end();
}

/** Resolves when the next chunk may come; with false when the caller has gone. */
async function write(
  chunk: Uint8Array,
  request: NodeRequest,
  response: NodeResponse,
  { unread, log, takenWithinMs }: StreamDeps,
): Promise<boolean> {
  const stream = "stream" in request ? request.stream : response;
  if (stream.destroyed) return false;
  // True: the socket has room for more.
  if ("stream" in response ? response.write(chunk) : response.write(chunk)) return true;
  const letGo = unread.hold(connectionOf(request), chunk.byteLength);
  const patience = setTimeout(() => {
    log.info("a stream is not read and is cut off", { path: pathOf(request) });
    breakOff(request, response, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }, takenWithinMs);
  await new Promise<void>((resolve) => {
    const taken = () => {
      stream.off("close", taken);
      response.off("drain", taken);
      resolve();
    };
    stream.once("close", taken);
    response.once("drain", taken);
  });
  clearTimeout(patience);
  letGo();
  return !stream.destroyed;
}
