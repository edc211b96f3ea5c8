/**
 * One cleartext port that speaks HTTP/1.1 and HTTP/2: Connect and gRPC-Web come by either, gRPC by
 * HTTP/2 without an upgrade.
 *
 * Boundary: distinguishes the two by a connection's first bytes and hands it to the right server;
 * what is served is the handler's matter.
 */
import { createServer as createHttp1Server, type RequestListener } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer, type Socket } from "node:net";

/** A listening server. */
export interface HttpServer {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** Ends open connections and stops listening. */
  stop(): Promise<void>;
}

/** Answers requests of both versions of HTTP. */
export type HttpHandler = RequestListener &
  ((request: Http2ServerRequest, response: Http2ServerResponse) => void);

// An HTTP/2 client speaks first, and begins with "PRI * HTTP/2.0"; no method of ours begins so.
const PREFACE = "PRI";

/** Listens on loopback; port 0 takes a free one. Rejects when the port is taken. */
export async function startHttpServer(handler: HttpHandler, port: number): Promise<HttpServer> {
  const http1 = createHttp1Server(handler);
  const http2 = createHttp2Server(handler);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A connection that breaks is its client's business; without a listener it would be ours.
    socket.on("error", () => socket.destroy());
    const peek = (): void => {
      const start: unknown = socket.read(PREFACE.length);
      if (!Buffer.isBuffer(start)) {
        if (!socket.readableEnded) socket.once("readable", peek);
        return;
      }
      socket.unshift(start);
      const isHttp2 = start.toString("latin1") === PREFACE;
      (isHttp2 ? http2 : http1).emit("connection", socket);
    };
    socket.once("readable", peek);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port to listen on");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
