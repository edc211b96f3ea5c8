/** An HTTP server before the service that loses what it is told to lose. Boundary: HTTP/1.1; answers of the service pass unchanged. */
import { once } from "node:events";
import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request: passed on, refused with 503, unknown to the service as to one of an older release, passed on without
 * its answer, or cut in the answer after some bytes. */
export type Fate = "pass" | "away" | "unknown" | "lose" | { readonly cutAfterBytes: number };

/** A front at work. */
export interface UnsteadyFront {
  readonly baseUrl: string;
  /** The paths and Idempotency-Keys of all requests, in their order. */
  readonly seen: { readonly path: string; readonly key: string | undefined }[];
  stop(): Promise<void>;
}

/** Starts a front; `fateOf` is asked for each request, with its number from 0. */
export async function startUnsteadyFront(
  target: string,
  fateOf: (path: string, number: number) => Fate,
): Promise<UnsteadyFront> {
  const seen: UnsteadyFront["seen"] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    const { url = "", method = "", headers } = request;
    const fate = fateOf(url, seen.length);
    seen.push({ path: url, key: headers["idempotency-key"]?.toString() });
    if (fate === "away") {
      response.writeHead(503).end();
      return;
    }
    const path = fate === "unknown" ? `${url}OfALaterRelease` : url;
    const passed = send({ hostname, port, path, method, headers }, (answer) => {
      const { statusCode = 500, headers: answered } = answer;
      if (fate !== "lose") response.writeHead(statusCode, answered);
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (fate === "lose") return;
        if (typeof fate === "object" && bytes > fate.cutAfterBytes) response.destroy();
        else response.write(chunk);
      });
      answer.on("end", () => {
        if (fate === "lose") response.destroy();
        else response.end();
      });
      answer.on("error", () => response.destroy());
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    seen,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
