/** A request of a route, and how what is wrong with it is sent. Boundary: what door.ts and events.ts share. */
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { NodeRequest, NodeResponse } from "../node-calls.ts";
import type { Problem } from "./problem.ts";
import type { Route } from "./routes.ts";

/** A route and its RPC. */
export interface BoundRoute extends Route {
  readonly handler: UniversalHandler;
  /** Where the answer has its etag, by the names of its fields. */
  readonly etag: readonly string[] | undefined;
}

/** One request of a route. */
export interface RestCall {
  readonly route: BoundRoute;
  readonly params: ReadonlyMap<string, string>;
  readonly request: NodeRequest;
  readonly response: NodeResponse;
}

/** Sends what is wrong; for HEAD the head of it. */
export function sendProblem(
  { status, headers, body }: Problem,
  request: NodeRequest,
  response: NodeResponse,
): void {
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else response.end(body);
}
