/**
 * One POST over a connection of its own.
 * Boundary: sends and says what came; what a status means is send.ts.
 * Invariants:
 * 1. The whole takes POST_MS at most. Redirects are not followed: they could leave the allowed origins.
 * 2. A URL that a workflow names is sent to public addresses alone. The address that was judged is the one that is
 *    connected to. A host that is an address itself stands in the operator's list as such.
 * 3. No failure holds a URL.
 */
import http from "node:http";
import https from "node:https";
import { lookupPublic, PRIVATE_ADDRESS } from "../../process/public-addresses.ts";

/** What is sent. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether a workflow named the URL. */
  readonly isNamed: boolean;
}

/** What came. */
export interface Answered {
  readonly status: number;
  /** The header `Retry-After` in seconds; undefined: it is not there, or no number. */
  readonly retryAfterS: number | undefined;
}

/** Why there is no answer. */
export class PostFailure extends Error {
  /** Whether the receiver may have got the request. */
  readonly mayHaveArrived: boolean;
  /** Whether the host's address is not public. */
  readonly isPrivate: boolean;

  constructor(message: string, mayHaveArrived: boolean, isPrivate = false) {
    super(message);
    this.mayHaveArrived = mayHaveArrived;
    this.isPrivate = isPrivate;
  }
}

const POST_MS = 10_000;

/** Sends a request; rejects with a PostFailure. */
export function post({ url, headers, body, isNamed }: Post): Promise<Answered> {
  const isSecure = new URL(url).protocol === "https:";
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const request = (isSecure ? https : http).request(url, {
      method: "POST",
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
      signal: AbortSignal.timeout(POST_MS),
      // A connection of its own: only its beginning tells whether anything can have been sent.
      agent: false,
      ...(isNamed ? { lookup: lookupPublic } : {}),
    });
    request.once("socket", (socket) => {
      socket.once(isSecure ? "secureConnect" : "connect", () => {
        isConnected = true;
      });
    });
    request.once("response", (response) => {
      const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
      response.destroy();
      const retryAfterS = seconds > 0 ? seconds : undefined;
      resolve({ status: response.statusCode ?? 0, retryAfterS });
    });
    request.on("error", (error) => reject(failureOf(error, isConnected)));
    request.end(body);
  });
}

function failureOf(error: Error, isConnected: boolean): PostFailure {
  const code: unknown = Reflect.get(error, "code");
  if (code === PRIVATE_ADDRESS) {
    return new PostFailure("the host has an address that is not public", false, true);
  }
  const isLate = code === "ABORT_ERR" || error.name === "TimeoutError";
  const word = typeof code === "string" ? code : "the connection failed";
  return new PostFailure(isLate ? "no answer in time" : word, isConnected);
}
