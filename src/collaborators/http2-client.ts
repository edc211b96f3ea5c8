/**
 * Requests over the HTTP/2 sessions of one collaborator, for the general client.
 * Boundary: says how a stream ended without an answer, which the general client leaves out or hides.
 */
import { constants } from "node:http2";
import { Code } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createNodeHttpClient, type Http2SessionManager } from "@connectrpc/connect-node";
import { CallFailure } from "./call-failure.ts";
import { createSilenceWatch } from "./silent-sessions.ts";

/** The collaborator refused the stream, as it may while it ends a session: the call was not processed. */
export class RefusedStream extends CallFailure {
  constructor(cause: unknown) {
    super("the stream was refused", { kind: "broken", code: Code.Unavailable, cause });
  }
}

/** A client of these sessions. Rejects with RefusedStream, with CallFailure, or as the general client does. */
export function createHttp2Client(
  sessions: Http2SessionManager,
  pingTimeoutMs: number,
): UniversalClientFn {
  const watchSilence = createSilenceWatch(pingTimeoutMs);
  return (request) =>
    new Promise((resolve, reject) => {
      let refused = false;
      const watched: Pick<Http2SessionManager, "authority" | "request" | "notifyResponseByteRead"> =
        {
          authority: sessions.authority,
          notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
          async request(...asked) {
            const stream = await sessions.request(...asked);
            watchSilence(stream);
            let answered = false;
            stream.once("response", () => {
              answered = true;
            });
            stream.once("error", () => {
              refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
            });
            stream.once("close", () => {
              // The general client takes this end for none, and would wait until the deadline.
              if (!answered && stream.rstCode === constants.NGHTTP2_NO_ERROR) reject(endedEmpty());
            });
            return stream;
          },
        };
      const client = createNodeHttpClient({ httpVersion: "2", sessionProvider: () => watched });
      client(request).then(resolve, (error) => {
        reject(refused ? new RefusedStream(error) : error);
      });
    });
}

function endedEmpty(): CallFailure {
  const message = "no answer: the stream was closed";
  return new CallFailure(message, { kind: "broken", code: Code.Unavailable });
}
