/**
 * From an HTTP request to the RPC it names: through its trouble, if it meets one, and through the
 * keeping of idempotency keys.
 *
 * Boundary: knows paths and bytes; what the RPCs do is in the collaborators' files.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { setTimeout as delay, setImmediate as written } from "node:timers/promises";
import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { HttpHandler } from "./http-server.ts";
import { replayByKey } from "./replay.ts";
import type { Routes } from "./stage.ts";
import { type KeyedAnswer, readBytes } from "./strict-keys.ts";
import type { Trouble, Troubles } from "./trouble.ts";

/** What stands before the RPCs. */
export interface HandlerOptions {
  readonly troubles: Troubles;
  /** Keeps keys as strictly as the platform; left out: kindly (`replay.ts`). */
  readonly strictKeys?: KeyedAnswer | undefined;
}

type Rpc = (request: UniversalServerRequest) => Promise<UniversalServerResponse>;

/** The request met its trouble: its stream is to break, which is its connection in HTTP/1.1. */
class Broken extends Error {
  override readonly name = "Broken";
}

/** A handler of all these RPCs, by every protocol. */
export function makeHandler(routes: readonly Routes[], options: HandlerOptions): HttpHandler {
  const { troubles, strictKeys } = options;
  const router = createConnectRouter({
    interceptors: strictKeys === undefined ? [replayByKey()] : [],
    acceptCompression: [compressionGzip, compressionBrotli],
  });
  for (const add of routes) add(router);
  const rpcs = new Map<string, Rpc>(router.handlers.map((rpc) => [rpc.requestPath, rpc]));

  async function answer(
    rpc: Rpc,
    path: string,
    request: UniversalServerRequest,
    reset: () => void,
  ) {
    const trouble = troubles.meet(path);
    const call = (given: UniversalServerRequest) => perform(rpc, trouble, given);
    const made = await (strictKeys === undefined ? call(request) : strictKeys(request, call));
    if (trouble !== "lose_answer" && trouble !== "reset_in_body") return made;
    // What is read is done: some protocols do their work while their answer is read.
    const body = await readBytes(made.body);
    if (trouble === "lose_answer") throw new Broken("the answer is lost");
    return { ...made, body: firstHalf(body, reset) };
  }

  return (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const rpc = rpcs.get(path);
    if (rpc === undefined) {
      response.writeHead(404).end();
      return;
    }
    const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
    answer(rpc, path, universal, () => resetConnection(response))
      .then((made) => universalResponseToNodeResponse(made, response))
      // Either the trouble was to break it, or the caller has gone.
      .catch(() => response.destroy());
  };
}

async function perform(
  rpc: Rpc,
  trouble: Trouble | undefined,
  request: UniversalServerRequest,
): Promise<UniversalServerResponse> {
  switch (trouble) {
    case undefined:
    case "lose_answer":
    case "reset_in_body":
      return rpc(request);
    case "hang":
      await untilGone(request.signal);
      throw new Broken("the caller gave up");
    case "die":
      throw new Broken("the handler died");
  }
  if ("delayMs" in trouble) {
    await delay(trouble.delayMs);
    return rpc(request);
  }
  const header = new Headers({ "content-type": "application/json" });
  return { status: trouble.status, header, body: textBody(trouble.body ?? "{}") };
}

function untilGone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** In HTTP/2 all calls of the connection break with it. */
function resetConnection(response: ServerResponse | Http2ServerResponse): void {
  if ("stream" in response) response.stream.session?.destroy();
  else response.socket?.resetAndDestroy();
}

async function* firstHalf(body: Uint8Array, reset: () => void): AsyncGenerator<Uint8Array> {
  yield body.subarray(0, Math.ceil(body.length / 2));
  // Head and half are on their way before the connection breaks.
  await written();
  reset();
  throw new Broken("the connection broke in the answer");
}

async function* textBody(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
