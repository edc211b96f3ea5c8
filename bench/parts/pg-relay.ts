/**
 * Stands between a client and Postgres and counts statements, round trips and transactions.
 * Boundary: for counting only. It costs CPU and latency, so nothing is timed through it.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { addCounts, createConnectionCounter, NO_COUNTS, type WireCounts } from "./pg-messages.ts";

/** A relay at work. */
export interface PgRelay {
  /** The address of a database through the relay. */
  urlOf(databaseUrl: string): string;
  /** All connections so far. */
  counts(): WireCounts;
  stop(): Promise<void>;
}

/** Starts a relay to the server that the address names. */
export async function startPgRelay(serverUrl: string): Promise<PgRelay> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let sum = NO_COUNTS;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const counter = createConnectionCounter((more) => {
      sum = addCounts(sum, more);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // The other side learns of it by the close that follows.
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (bytes) => {
      counter.sent(bytes);
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      counter.received(bytes);
      client.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    urlOf(databaseUrl) {
      const url = new URL(databaseUrl);
      url.hostname = "127.0.0.1";
      url.port = String(port);
      return url.href;
    },
    counts: () => sum,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
