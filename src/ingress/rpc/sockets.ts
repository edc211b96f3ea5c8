/**
 * One port for HTTP/1.1 and HTTP/2: ALPN under TLS, else the first bytes, decides which of the two a
 * connection speaks.
 * Boundary: sockets, sessions and their limits; what a request says is for the handler.
 * Invariants:
 * S1 A connection that says nothing, or trickles its header, is closed after a time.
 * S2 stop() refuses new connections at once, lets requests end, and closes what is left after the grace.
 */
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "../../process/log.ts";
import type { NodeRequest, NodeResponse } from "./node-calls.ts";

/** Contents of the PEM files of a TLS listener; with `clientCa` callers must show a certificate it signed. */
export interface TlsMaterial {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly clientCa?: string | Buffer;
}

/** What createListener needs. */
export interface ListenerDeps {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsMaterial;
  readonly log: Log;
  handle(request: NodeRequest, response: NodeResponse): void;
}

/** A port that is open or will be. */
export interface Listener {
  /** Opens the port; rejects when it is taken or the address is not ours. */
  listen(): Promise<{ host: string; port: number }>;
  /** Ends it: requests under way have `graceMs` to finish. */
  stop(graceMs: number): Promise<void>;
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FIRST_BYTES_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const IDLE_SWEEP_MS = 20;
const IDLE_SESSION_TIMEOUT_MS = 300_000;
// Four times what a call may have (protocol-words.ts): so much is read, that it can be refused in words.
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_STREAMS = 100;
// Above what a connection may have in unread answers (unread-answers.ts): over Node's own 10 MB it resets new calls.
const SESSION_MEMORY_MB = 128;
const MAX_CONNECTIONS = 10_000;

const UNREAD: ReadonlyMap<string, readonly [status: string, words: string]> = new Map([
  [
    "HPE_HEADER_OVERFLOW",
    ["431 Request Header Fields Too Large", `the headers have more than ${MAX_HEADER_BYTES} bytes`],
  ],
  ["ERR_HTTP_REQUEST_TIMEOUT", ["408 Request Timeout", "the request did not come in time"]],
]);

/** A listener that is not open yet. */
export function createListener(deps: ListenerDeps): Listener {
  const sockets = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const front = createFront(deps);
  const http2Server = createHttp2Server(deps, sessions);
  // The front accepts; its own HTTP/1.1 listener gets a connection only after it was looked at.
  const event = deps.tls === undefined ? "connection" : "secureConnection";
  const serveHttp1 = front.listeners(event);
  front.removeAllListeners(event);
  const toHttp1 = (socket: Socket) => {
    for (const listener of serveHttp1) listener.call(front, socket);
  };
  const toHttp2 = (socket: Socket) => http2Server.emit("connection", socket);
  front.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    if (!("alpnProtocol" in socket)) lookAtFirstBytes(socket, toHttp1, toHttp2);
    else if (socket.alpnProtocol === "h2") toHttp2(socket);
    else toHttp1(socket);
  });
  return {
    listen: () => open(front, deps),
    stop: (graceMs) => close(front, sockets, sessions, graceMs),
  };
}

function createFront({ tls, handle, log }: ListenerDeps): http.Server {
  const options = { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: 1_000 };
  const front =
    tls === undefined
      ? http.createServer(options, handle)
      : https.createServer({ ...options, ...tlsOptions(tls) }, handle);
  front.headersTimeout = HEADERS_TIMEOUT_MS;
  front.requestTimeout = REQUEST_TIMEOUT_MS;
  front.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  front.maxConnections = MAX_CONNECTIONS;
  front.on("clientError", refuseUnread);
  front.on("tlsClientError", (error) => log.debug("a TLS handshake failed", { error }));
  return front;
}

/** What could not be read as a request is refused in words; it ends its connection, whose next bytes mean nothing. */
function refuseUnread(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [status, words] = UNREAD.get(error.code ?? "") ?? ["400 Bad Request", "this is no HTTP"];
  const body = JSON.stringify({ status: words });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function tlsOptions({ cert, key, clientCa }: TlsMaterial): https.ServerOptions {
  const base: https.ServerOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: FIRST_BYTES_TIMEOUT_MS,
  };
  if (clientCa === undefined) return base;
  return { ...base, ca: clientCa, requestCert: true, rejectUnauthorized: true };
}

function createHttp2Server(
  { handle, log }: ListenerDeps,
  sessions: Set<http2.ServerHttp2Session>,
): http2.Http2Server {
  const server = http2.createServer(
    {
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES },
      maxSessionMemory: SESSION_MEMORY_MB,
    },
    handle,
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setTimeout(IDLE_SESSION_TIMEOUT_MS, () => session.close());
  });
  server.on("sessionError", (error) => log.debug("an HTTP/2 session failed", { error }));
  return server;
}

function lookAtFirstBytes(
  socket: Socket,
  toHttp1: (socket: Socket) => void,
  toHttp2: (socket: Socket) => void,
): void {
  const onError = () => socket.destroy();
  const patience = setTimeout(() => socket.destroy(), FIRST_BYTES_TIMEOUT_MS);
  const look = () => {
    const seen: Buffer | null = socket.read();
    if (seen === null) return;
    socket.unshift(seen);
    const length = Math.min(seen.length, PREFACE.length);
    const same = seen.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (same && length < PREFACE.length) return;
    leave();
    if (same) toHttp2(socket);
    else toHttp1(socket);
  };
  const leave = () => {
    clearTimeout(patience);
    socket.off("readable", look);
    socket.off("error", onError);
    socket.off("end", onError);
  };
  socket.on("readable", look);
  socket.on("error", onError);
  socket.on("end", onError);
  socket.once("close", () => clearTimeout(patience));
}

async function open(front: Server, deps: ListenerDeps): Promise<{ host: string; port: number }> {
  front.listen(deps.port, deps.host);
  await once(front, "listening");
  front.on("error", (error) => deps.log.error("the listener failed", { error }));
  return { host: deps.host, port: portOf(front.address()) };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the listener has no port");
  return address.port;
}

async function close(
  front: http.Server,
  sockets: Set<Socket>,
  sessions: Set<http2.ServerHttp2Session>,
  graceMs: number,
): Promise<void> {
  if (!front.listening) return;
  const closed = once(front, "close");
  front.close();
  for (const session of sessions) session.close();
  // A connection that is kept becomes idle when its last request is answered; no event reports that.
  front.closeIdleConnections();
  const sweep = setInterval(() => front.closeIdleConnections(), IDLE_SWEEP_MS);
  const patience = setTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(patience);
}
