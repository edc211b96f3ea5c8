/** A TCP address that leads to a server, and to another one once the test moves it, as the address of a failover does. */
import { connect, createServer, type Socket } from "node:net";

/** A relay at work. */
export interface TcpRelay {
  readonly port: number;
  /** Breaks every connection; new ones lead to this port of the loopback interface. */
  moveTo(port: number): void;
  /** Passes nothing more on over the connections that are there, and closes none of them; new ones work. */
  silence(): void;
  stop(): Promise<void>;
}

/** Starts a relay to a port. */
export async function startTcpRelay(firstPort: number): Promise<TcpRelay> {
  let target = firstPort;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      // The other side learns of it by the close that follows.
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    moveTo(port) {
      target = port;
      breakAll();
    },
    silence() {
      for (const socket of sockets) socket.unpipe().resume();
    },
    stop() {
      breakAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
