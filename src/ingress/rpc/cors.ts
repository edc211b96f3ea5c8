/**
 * Which pages of other origins may call from a browser (the Fetch standard's CORS protocol).
 * Boundary: headers and preflights; who may call what is the guard's. Credentials of browsers (cookies) are never allowed.
 */
import { cors } from "@connectrpc/connect";
import { OMITTED, OMITTED_STEPS } from "./left-out.ts";
import { type NodeRequest, type NodeResponse, pathOf } from "./node-calls.ts";

/** Answers a preflight (true), or says in the headers of the answer to come that its page may read it. */
export type Cors = (request: NodeRequest, response: NodeResponse) => boolean;

const EVERY_ORIGIN = "*";
const PREFLIGHT_KEPT_SECONDS = "7200";
/** RPCs are POST and GET; REST has the others. */
const METHODS = [...cors.allowedMethods, "PUT", "PATCH", "DELETE"];
const ASKED_HEADERS = [
  ...cors.allowedHeaders,
  ...["If-Match", "Last-Event-ID"],
  "Authorization",
  "Idempotency-Key",
  "Traceparent",
  "Workflows-Actor",
  "Workflows-Environment",
  ...["Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version"],
];
const READ_HEADERS = [
  ...cors.exposedHeaders,
  ...[OMITTED, OMITTED_STEPS, "WWW-Authenticate"],
  ...["ETag", "Location", "Retry-After"],
];

/** Allows these origins; none: every preflight is refused, in words. */
export function createCors(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  const mayRead = (origin: string) => allowed.has(EVERY_ORIGIN) || allowed.has(origin);
  return (request, response) => {
    const origin = request.headers.origin;
    if (allowed.size > 0) response.setHeader("vary", "Origin");
    const isPreflight =
      request.method === "OPTIONS" && "access-control-request-method" in request.headers;
    if (typeof origin === "string" && mayRead(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", READ_HEADERS.join(", "));
      if (isPreflight) allow(response);
      return isPreflight;
    }
    if (isPreflight) refuse(request, response);
    return isPreflight;
  };
}

function allow(response: NodeResponse): void {
  response.writeHead(204, {
    "access-control-allow-methods": METHODS.join(", "),
    "access-control-allow-headers": ASKED_HEADERS.join(", "),
    "access-control-max-age": PREFLIGHT_KEPT_SECONDS,
  });
  response.end();
}

function refuse(request: NodeRequest, response: NodeResponse): void {
  const words =
    "pages of this origin may not call from a browser; CORS_ORIGINS names those that may";
  response.writeHead(403, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify({ status: words, path: pathOf(request) }));
}
