/**
 * Finding a free TCP port of the loopback interface.
 *
 * Boundary: the port is free at the moment of asking only. The caller must be ready to lose it to
 * another process and to ask again.
 */
import { createServer } from "node:net";

/** A port of 127.0.0.1 that is free right now, chosen by the system. Rejects when none can be opened. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") {
          reject(new Error("the system gave no port to a listening socket"));
        } else {
          resolve(address.port);
        }
      });
    });
  });
}
