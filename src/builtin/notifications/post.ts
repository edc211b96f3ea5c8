/**
 * One POST over a connection of its own.
 * Boundary: sends and says what came; what a status means is send.ts.
 * Invariants:
 * 1. The whole takes POST_MS at most. Redirects are not followed: they could leave the allowed origins.
 * 2. A URL that a workflow names is sent to public addresses alone. The address that was judged is the one that is
 *    connected to. A host that is an address itself stands in the operator's list as such.
 * 3. No failure holds a URL.
 */
import { lookup } from "node:dns";
import http from "node:http";
import https from "node:https";
import { BlockList, type LookupFunction } from "node:net";

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
const PRIVATE = "EPRIVATE";
// RFC 6890 and its registries.
const NOT_PUBLIC = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"],
  ...["192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"],
  ...["203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128"],
  ...["64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"],
  ...["fc00::/7", "fe80::/10", "ff00::/8"],
];
const notPublic = new BlockList();
for (const range of NOT_PUBLIC) {
  const [net = "", bits] = range.split("/");
  notPublic.addSubnet(net, Number(bits), net.includes(":") ? "ipv6" : "ipv4");
}

/** Whether an address of IPv4 or IPv6 is one of the public internet. */
export function isPublic(address: string): boolean {
  // IPv4 within IPv6; a range of the list would be one of IPv4 too.
  if (/^::ffff:/i.test(address)) return false;
  return !notPublic.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

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

const lookupPublic: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, "");
    const [first] = found;
    if (first === undefined || !found.every(({ address }) => isPublic(address))) {
      return callback(Object.assign(new Error("not public"), { code: PRIVATE }), "");
    }
    if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};

function failureOf(error: Error, isConnected: boolean): PostFailure {
  const code: unknown = Reflect.get(error, "code");
  if (code === PRIVATE) {
    return new PostFailure("the host has an address that is not public", false, true);
  }
  const isLate = code === "ABORT_ERR" || error.name === "TimeoutError";
  const word = typeof code === "string" ? code : "the connection failed";
  return new PostFailure(isLate ? "no answer in time" : word, isConnected);
}
