/**
 * A gRPC call over HTTP/2 goes the short way, past Connect. Its caller must not see it: every call is made twice, the short
 * way and, with a query in its path, Connect's way, and both answers are the same to the byte.
 */
import { once } from "node:events";
import * as http2 from "node:http2";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GetRunRequestSchema, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { createRpcRouter } from "../../src/ingress/rpc/router.ts";
import { createListener, type Listener } from "../../src/ingress/rpc/sockets.ts";
import { createLog } from "../../src/process/log.ts";
import { Refusal } from "../../src/process/refusal.ts";

const log = createLog({ level: "error", format: "json", write: () => undefined });
const UNSET = createContextKey("unset");
const PATH = "/workflows.v1.WorkflowService/GetRun";
const SECRET = "the inside";
let listener: Listener;
let session: http2.ClientHttp2Session;
/** How often a handler was aborted, by id. */
const aborted: string[] = [];
/** What the contexts of handlers held that an id names. */
const contexts: unknown[] = [];
let waiting = () => {};

beforeAll(async () => {
  const route = createRpcRouter(
    (router) =>
      router.service(WorkflowService, {
        getRun: ({ id }, context) => {
          if (id === "context") {
            const { method, service, requestMethod, protocolName, requestHeader, values } = context;
            const sent = requestHeader.get("x-sent");
            const unset = values.get(UNSET);
            contexts.push({ method, service, requestMethod, protocolName, sent, unset });
            context.responseHeader.set("x-answered", "yes");
            context.responseTrailer.set("x-after", "too");
          }
          if (id === "bug") throw new Error(SECRET);
          if (id === "gone") throw new Refusal("not_found", "there is no run «é» 100 %");
          if (id === "late")
            throw new ConnectError("at last", Code.Aborted, { "x-why": "metadata" });
          if (id.startsWith("waits")) {
            context.signal.addEventListener("abort", () => aborted.push(id));
            waiting();
            return new Promise(() => undefined);
          }
          return { run: { id, workspaceId: "w".repeat(id === "large" ? 4_000 : 3) } };
        },
        startRun: () => ({}),
      }),
    log,
    async (_method, header) => {
      if (header.get("authorization") === "refused") {
        throw new Refusal("permission_denied", "not this one");
      }
      return undefined;
    },
  );
  listener = createListener({
    ...{ host: "127.0.0.1", port: 0, log },
    handle: (request, response) => {
      if (!route(request, response)) response.end();
    },
  });
  const { port } = await listener.listen();
  session = http2.connect(`http://127.0.0.1:${port}`);
});
afterAll(async () => {
  session.close();
  await listener.stop(100);
});

interface Asked {
  readonly path?: string;
  readonly headers?: http2.OutgoingHttpHeaders;
  readonly body?: Uint8Array;
}

async function call(query: string, { path = PATH, headers = {}, body = asking("known") }: Asked) {
  const stream = session.request({
    ...{ ":method": "POST", ":path": `${path}${query}`, "content-type": "application/grpc" },
    ...{ te: "trailers", ...headers },
  });
  const got: { head?: http2.IncomingHttpHeaders; trailer?: http2.IncomingHttpHeaders } = {};
  stream.on("response", (head) => {
    got.head = head;
  });
  stream.on("trailers", (trailer) => {
    got.trailer = trailer;
  });
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (headers[":method"] !== "GET") stream.end(body);
  await once(stream, "close");
  const { date: _, ...head } = got.head ?? {};
  return { head: { ...head }, trailer: { ...got.trailer }, body: Buffer.concat(chunks) };
}

function asking(id: string): Uint8Array {
  return encodeEnvelope(0, message(id));
}

function message(id: string): Uint8Array {
  return toBinary(GetRunRequestSchema, create(GetRunRequestSchema, { id }));
}

const crowded = Buffer.concat([asking("known"), asking("known")]);
const cut = asking("known").subarray(0, 7);
const CALLS: Record<string, Asked> = {
  "is answered": {},
  "with headers and trailers of its own": {
    headers: { "x-sent": ["one", "two"] },
    body: asking("context"),
  },
  "with the full content-type": { headers: { "content-type": "application/grpc+proto" } },
  "has its answer compressed": {
    headers: { "grpc-accept-encoding": "br;q=0,gzip" },
    body: asking("large"),
  },
  "has a small answer as it is": { headers: { "grpc-accept-encoding": "gzip" } },
  "is refused, in words that need an escape": { body: asking("gone") },
  "fails with metadata": { body: asking("late") },
  "fails by a fault of the service": { body: asking("bug") },
  "may not be made": { headers: { authorization: "refused" } },
  "has two keys": { headers: { "idempotency-key": ["a", "b"] } },
  "has no handler": { path: "/workflows.v1.WorkflowService/PauseRun" },
  "has an empty message": { body: encodeEnvelope(0, Buffer.alloc(0)) },
  "has no message": { body: Buffer.alloc(0) },
  "has a message that is cut off": { body: cut },
  "has two messages": { body: crowded },
  "has a message that cannot be decoded": { body: encodeEnvelope(0, Buffer.from([255, 255])) },
  "has a message over the limit": { body: encodeEnvelope(0, Buffer.alloc(1_048_577)) },
  "is compressed": {
    headers: { "grpc-encoding": "gzip" },
    body: encodeEnvelope(1, gzipSync(message("known"))),
  },
  "says that it is compressed, and is not": { headers: { "grpc-encoding": "gzip" } },
  "is compressed in an unknown way": { headers: { "grpc-encoding": "snappy" } },
  "is compressed without saying how": { body: encodeEnvelope(1, message("known")) },
  "has a deadline": { headers: { "grpc-timeout": "5S" } },
  "has a deadline that passes": { headers: { "grpc-timeout": "20m" }, body: asking("waits late") },
  "has no time": { headers: { "grpc-timeout": "0m" } },
  "has a deadline that no timer holds": { headers: { "grpc-timeout": "99999999H" } },
  "has a deadline that is none": { headers: { "grpc-timeout": "soon" } },
  "is JSON": {
    headers: { "content-type": "application/grpc+json" },
    body: encodeEnvelope(0, Buffer.from('{"id":"known"}')),
  },
  "is made by GET": { headers: { ":method": "GET" } },
};

describe("a gRPC call is answered the same both ways when it", () => {
  test.each(Object.entries(CALLS))("%s", async (_name, asked) => {
    const short = await call("", asked);
    const long = await call("?", asked);
    expect(short).toEqual(long);
    expect(JSON.stringify(short)).not.toContain(SECRET);
  });
});

test("what the calls above compare is what they say", async () => {
  const grpc = (status: string) => expect.objectContaining({ "grpc-status": status });
  expect((await call("", {})).trailer).toEqual(grpc("0"));
  expect((await call("", { body: asking("gone") })).trailer).toEqual(grpc("5"));
  expect((await call("", { body: asking("bug") })).trailer).toEqual(grpc("13"));
  expect((await call("", { body: crowded })).trailer).toEqual(grpc("12"));
  const late = { headers: { "grpc-timeout": "20m" }, body: asking("waits late") };
  expect((await call("", late)).trailer).toEqual(grpc("4"));
  const large = { headers: { "grpc-accept-encoding": "gzip" }, body: asking("large") };
  const { head, body } = await call("", large);
  expect(head["grpc-encoding"]).toBe("gzip");
  expect(gunzipSync(body.subarray(5)).toString()).toContain("w".repeat(4_000));
});

test("a handler finds the same in its context both ways", async () => {
  contexts.length = 0;
  const asked = { headers: { "x-sent": ["one", "two"] }, body: asking("context") };
  await call("", asked);
  await call("?", asked);
  expect(contexts).toHaveLength(2);
  expect(contexts[0]).toEqual(contexts[1]);
});

test.each(["", "?"])("a handler learns that its caller has gone (path%s)", async (query) => {
  const id = `waits${query}`;
  const stream = session.request({
    ...{ ":method": "POST", ":path": `${PATH}${query}`, "content-type": "application/grpc" },
  });
  stream.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    waiting = resolve;
    stream.end(asking(id));
  });
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await expect.poll(() => aborted).toContain(id);
});
