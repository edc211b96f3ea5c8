/**
 * A bare unary echo over gRPC (connect-node, HTTP/2 without encryption): the most that StartRun could reach.
 * Boundary: the service's descriptor is made here, so that nothing is generated for it.
 */
import { createServer } from "node:http2";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type StringValueSchema,
  file_google_protobuf_wrappers as wrappers,
} from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { nowMs } from "../parts/clock.ts";
import { serveCommands } from "../parts/commands.ts";
import { inFlight } from "./in-flight.ts";
import { NOTE } from "./words.ts";

type EchoService = GenService<{
  say: { methodKind: "unary"; input: typeof StringValueSchema; output: typeof StringValueSchema };
}>;

const Echo = describeEcho();

/** The server, in this process; gives its port. */
async function startEchoServer(): Promise<number> {
  const handler = connectNodeAdapter({
    routes: (router) => router.service(Echo, { say: (message) => message }),
  });
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Calls it so often, so many calls open at once; gives the ms of all. */
async function callEcho(port: number, calls: number, open: number): Promise<number> {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const client = createClient(Echo, createGrpcTransport({ baseUrl, sessionManager }));
  const value = JSON.stringify({ id: "echo", ok: true, note: NOTE });
  const beganAtMs = nowMs();
  await inFlight(calls, open, () => client.say({ value }));
  const tookMs = nowMs() - beganAtMs;
  sessionManager.abort();
  return tookMs;
}

function describeEcho(): EchoService {
  const text = ".google.protobuf.StringValue";
  const file = create(FileDescriptorProtoSchema, {
    name: "echo.proto",
    package: "bench",
    syntax: "proto3",
    dependency: [wrappers.proto.name],
    service: [{ name: "Echo", method: [{ name: "Say", inputType: text, outputType: text }] }],
  });
  const files = create(FileDescriptorSetSchema, { file: [wrappers.proto, file] });
  const service = createFileRegistry(files).getService("bench.Echo");
  if (service === undefined) throw new Error("the echo has no descriptor");
  return service as EchoService;
}

const [role = "", port = "0"] = process.argv.slice(2);
if (role === "server") {
  const listening = startEchoServer();
  serveCommands({ port: () => listening });
}
if (role === "client") {
  serveCommands({
    call: ({ calls, open }: { calls: number; open: number }) => callEcho(Number(port), calls, open),
  });
}
