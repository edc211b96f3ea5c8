/**
 * The port itself: every protocol on both versions of HTTP, malformed and oversized bodies, doors, health,
 * reflection, deadlines, TLS. The handlers behind it are tiny; what RPCs do is tested elsewhere.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http2 from "node:http2";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { create, fromBinary, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { System } from "../../gen/workflows/ops/v1/system_pb.ts";
import { Workflows } from "../../gen/workflows/ops/v1/workflows_pb.ts";
import { GetRunRequestSchema, WorkflowService } from "../../gen/workflows/v1/workflows_pb.ts";
import { answerDoor, mainDoors, type Readiness } from "../../src/ingress/rpc/doors.ts";
import { createHealth } from "../../src/ingress/rpc/health.ts";
import { createReflection } from "../../src/ingress/rpc/reflection.ts";
import { createRpcRouter } from "../../src/ingress/rpc/router.ts";
import { createListener, type Listener, type TlsMaterial } from "../../src/ingress/rpc/sockets.ts";
import { createLog } from "../../src/process/log.ts";
import { Refusal } from "../../src/process/refusal.ts";

const lines: string[] = [];
const log = createLog({ level: "debug", format: "json", write: (line) => lines.push(line) });
const SECRET = "a secret of the inside";
let slowCallArrived = () => {};
let readiness: Readiness = { status: "ok", parts: { database: "ok" } };

interface Port {
  readonly listener: Listener;
  readonly health: ReturnType<typeof createHealth>;
  readonly url: string;
  readonly port: number;
}

async function openPort(tls?: TlsMaterial): Promise<Port> {
  const health = createHealth([WorkflowService.typeName]);
  const reflection = createReflection([WorkflowService, Runs, Inbox, System, Workflows, Health]);
  const route = createRpcRouter((router) => {
    router.service(Health, health.implementation);
    router.service(ServerReflection, reflection.v1);
    router.service(ServerReflectionAlpha, reflection.v1alpha);
    router.service(WorkflowService, {
      getRun: ({ id }) => {
        if (id === "bug") throw new Error(SECRET);
        if (id === "slow") {
          slowCallArrived();
          return new Promise(() => undefined);
        }
        if (id !== "known") throw new Refusal("not_found", "there is no such run");
        return { run: { id } };
      },
      startRun: ({ inputPayload }) => ({ run: { inputPayload: inputPayload ?? {} } }),
    });
  }, log);
  const deps = { probe: async () => readiness, metrics: async () => "up 1\n", log };
  const listener = createListener({
    host: "127.0.0.1",
    port: 0,
    log,
    ...(tls === undefined ? {} : { tls }),
    handle: (request, response) => {
      if (!route(request, response)) answerDoor(mainDoors("open"), deps, request, response);
    },
  });
  const { port } = await listener.listen();
  const scheme = tls === undefined ? "http" : "https";
  return { listener, health, port, url: `${scheme}://127.0.0.1:${port}` };
}

let open: Port;
beforeAll(async () => {
  open = await openPort();
});
afterAll(async () => {
  await open.listener.stop(100);
});

const deep = { binaryOptions: { recursionLimit: 300 }, jsonOptions: { recursionLimit: 300 } };
const http1 = { httpVersion: "1.1" as const, ...deep };
const overHttp2 = { httpVersion: "2" as const, ...deep };
const PROTOCOLS: [string, (baseUrl: string) => Transport][] = [
  ["connect, HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, ...http1 })],
  ["connect, HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, ...overHttp2 })],
  [
    "connect JSON, HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, ...http1, useBinaryFormat: false }),
  ],
  ["grpc, HTTP/2", (baseUrl) => createGrpcTransport({ baseUrl, ...deep })],
  ["grpc-web, HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, ...http1 })],
  ["grpc-web, HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, ...overHttp2 })],
];

async function errorOf(work: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof ConnectError) return thrown;
  throw new Error("the call did not fail", { cause: thrown });
}

describe.each(PROTOCOLS)("%s", (_name, transportTo) => {
  const client = () => createClient(WorkflowService, transportTo(open.url));

  test("answers", async () => {
    expect((await client().getRun({ id: "known" })).run?.id).toBe("known");
  });

  test("a refusal carries its code and an ErrorInfo", async () => {
    const error = await errorOf(client().getRun({ id: "other" }));
    expect(error.code).toBe(Code.NotFound);
    const [info] = error.findDetails(ErrorInfoSchema);
    expect(info).toMatchObject({ reason: "NOT_FOUND", domain: "workflows" });
  });

  test("a bug is internal, logged and not sent", async () => {
    const before = lines.length;
    const error = await errorOf(client().getRun({ id: "bug" }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe("internal error");
    expect(JSON.stringify([error.message, ...error.metadata])).not.toContain(SECRET);
    expect(lines.slice(before).join("")).toContain(SECRET);
  });

  test("an unknown RPC is unimplemented", async () => {
    expect((await errorOf(client().pauseRun({ id: "x" }))).code).toBe(Code.Unimplemented);
  });

  test("more than 1 MiB is resource exhausted", async () => {
    const error = await errorOf(client().getRun({ id: "x".repeat(1024 * 1024 + 1) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("TOO_LARGE");
  });

  test("a deadline ends the call", async () => {
    const error = await errorOf(client().getRun({ id: "slow" }, { timeoutMs: 60 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
  });

  test("payloads nested 64 deep are read", async () => {
    let payload: JsonObject = {};
    for (let depth = 1; depth < 64; depth++) payload = { a: payload };
    const { run } = await client().startRun({ inputPayload: payload });
    expect(run?.inputPayload).toEqual(payload);
  });
});

const JUNK = Buffer.from([0x0a, 0xff, 0xff, 0x01]);
const envelope = (data: Buffer, flags = 0) => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
};
const GET_RUN = "/workflows.v1.WorkflowService/GetRun";

/** Status, headers, trailers and body of a raw request over HTTP/2. */
async function rawHttp2(headers: http2.OutgoingHttpHeaders, body: Buffer) {
  const session = http2.connect(open.url);
  try {
    const stream = session.request({ ":method": "POST", ":path": GET_RUN, ...headers });
    if (!stream.writableEnded) stream.end(body);
    const chunks: Buffer[] = [];
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (got) => {
      head = got;
    });
    stream.on("trailers", (got) => {
      trailers = got;
    });
    for await (const chunk of stream) chunks.push(chunk);
    return { head, trailers, body: Buffer.concat(chunks) };
  } finally {
    session.close();
  }
}

describe("bytes that cannot be decoded are INVALID_ARGUMENT", () => {
  test.each<[string, string, Buffer, Record<string, string>]>([
    ["protobuf", "application/proto", JUNK, {}],
    ["JSON that ends early", "application/json", Buffer.from('{"id":'), {}],
    ["JSON of another shape", "application/json", Buffer.from('{"id":{}}'), {}],
    ["an unknown JSON field", "application/json", Buffer.from('{"idd":"x"}'), {}],
    ["JSON that is no object", "application/json", Buffer.from("[]"), {}],
    ["an empty body as JSON", "application/json", Buffer.alloc(0), {}],
    ["broken gzip", "application/proto", JUNK, { "content-encoding": "gzip" }],
    [
      "cut gzip",
      "application/proto",
      gzipSync(JUNK).subarray(0, 12),
      { "content-encoding": "gzip" },
    ],
    ["invalid UTF-8", "application/proto", Buffer.from([0x0a, 0x02, 0xff, 0xfe]), {}],
    ["a bad time-out", "application/proto", Buffer.alloc(0), { "connect-timeout-ms": "soon" }],
  ])("connect: %s", async (_name, contentType, body, headers) => {
    const response = await fetch(`${open.url}${GET_RUN}`, {
      method: "POST",
      headers: { "content-type": contentType, ...headers },
      body,
    });
    const answer: unknown = await response.json();
    expect(answer).toMatchObject({ code: "invalid_argument" });
    expect(response.status).toBe(400);
    expect(JSON.stringify(answer)).toContain("google.rpc.ErrorInfo");
  });

  test.each<[string, Buffer, Record<string, string>]>([
    ["protobuf", envelope(JUNK), {}],
    ["a cut envelope", envelope(JUNK).subarray(0, 7), {}],
    ["compressed without a name", envelope(gzipSync(JUNK), 1), {}],
    ["broken gzip", envelope(JUNK, 1), { "grpc-encoding": "gzip" }],
    ["JSON", envelope(Buffer.from("{")), { "content-type": "application/grpc+json" }],
  ])("grpc: %s", async (_name, body, headers) => {
    const { trailers, head } = await rawHttp2(
      { "content-type": "application/grpc", ...headers },
      body,
    );
    expect({ ...head, ...trailers }["grpc-status"]).toBe(String(Code.InvalidArgument));
    expect({ ...head, ...trailers }["grpc-status-details-bin"]).toBeDefined();
  });

  test("grpc-web: protobuf", async () => {
    const response = await fetch(`${open.url}${GET_RUN}`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
      body: envelope(JUNK),
    });
    const body = Buffer.from(await response.arrayBuffer());
    expect(body[0]).toBe(0x80);
    expect(body.toString("latin1")).toContain(`grpc-status: ${Code.InvalidArgument}\r\n`);
  });

  test("a stream's first message", async () => {
    const body = envelope(JUNK);
    const headers = { "content-type": "application/grpc" };
    const path = "/grpc.health.v1.Health/Watch";
    const { trailers, head } = await rawHttp2({ ...headers, ":path": path }, body);
    expect({ ...head, ...trailers }["grpc-status"]).toBe(String(Code.InvalidArgument));
  });
});

test("a body that inflates past 1 MiB is resource exhausted", async () => {
  const message = toBinary(
    GetRunRequestSchema,
    create(GetRunRequestSchema, { id: "x".repeat(3e6) }),
  );
  const response = await fetch(`${open.url}${GET_RUN}`, {
    method: "POST",
    headers: { "content-type": "application/proto", "content-encoding": "gzip" },
    body: gzipSync(message),
  });
  expect(await response.json()).toMatchObject({ code: "resource_exhausted" });
});

describe("malformed HTTP requests", () => {
  /** All that the server says to these bytes until it closes. */
  const say = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTcp(open.port, "127.0.0.1");
      let said = "";
      socket.setEncoding("latin1").on("data", (chunk) => {
        said += String(chunk);
        if (said.includes("\r\n\r\n")) socket.end();
      });
      socket.on("close", () => resolve(said));
      socket.on("error", reject);
      socket.write(bytes);
    });

  test.each([
    ["a host that is none", `POST ${GET_RUN} HTTP/1.1\r\nHost: [\r\nContent-Length: 0\r\n\r\n`],
    ["no host", `POST ${GET_RUN} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`],
    ["no HTTP at all", "hello\r\n\r\n"],
    ["a path of slashes", "GET // HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("%s: the server goes on", async (_name, bytes) => {
    await say(bytes);
    const client = createClient(WorkflowService, createGrpcTransport({ baseUrl: open.url }));
    expect((await client.getRun({ id: "known" })).run?.id).toBe("known");
  });

  test("a preface that comes byte by byte is HTTP/2", async () => {
    const socket = connectTcp(open.port, "127.0.0.1");
    const preface = Buffer.concat([
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    ]);
    socket.setNoDelay(true);
    const answered = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    for (const byte of preface) {
      await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    }
    // A SETTINGS frame: type 4 at offset 3.
    expect((await answered)[3]).toBe(4);
    socket.destroy();
  });
});

describe("a call that is refused before its body is read", () => {
  const path = `/${WorkflowService.typeName}/GetRun`;
  // An envelope that announces 160 MiB, and a part of it.
  const body = Buffer.concat([Buffer.of(0, 10, 0, 0, 0), Buffer.alloc(300 * 1024, 10)]);

  test.each(["grpc-web+proto", "grpc+proto", "proto"])(
    "%s: the connection's next request over HTTP/1.1 is answered",
    async (type) => {
      const socket = connectTcp(open.port, "127.0.0.1");
      let answers = "";
      const second = new Promise<void>((resolve, reject) => {
        socket.on("error", reject);
        socket.on("close", () => reject(new Error(`closed after ${answers}`)));
        socket.on("data", (bytes) => {
          answers += bytes.toString("latin1");
          if (answers.includes('{"status":"ok"}')) resolve();
        });
      });
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/${type}\r\n` +
          `content-length: ${body.length}\r\n\r\n`,
      );
      socket.write(body);
      socket.write("GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n");
      await second;
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toHaveLength(2);
      socket.destroy();
    },
  );

  test("over HTTP/2 its stream ends and the connection goes on", async () => {
    const session = http2.connect(open.url);
    for (let call = 0; call < 10; call++) {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
      });
      stream.end(body);
      stream.resume();
      await once(stream, "close");
    }
    const last = session.request({ ":path": "/healthz" });
    expect(await text(last)).toBe('{"status":"ok"}');
    session.close();
  });

  test("over HTTP/2 a body without an end is broken off", async () => {
    const session = http2.connect(open.url);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
    });
    stream.resume();
    const closed = once(stream, "close");
    stream.write(body);
    let sent = 0;
    const chunk = Buffer.alloc(256 * 1024);
    const send = () => {
      sent += chunk.byteLength;
      if (!stream.closed && sent < 64 * 1024 * 1024) stream.write(chunk, send);
    };
    send();
    await closed;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
    session.close();
  });
});

describe("doors", () => {
  test.each(["1.1", "2"] as const)("healthz, readyz and metrics over HTTP/%s", async (version) => {
    const get = async (path: string) => {
      if (version === "1.1") {
        const response = await fetch(`${open.url}${path}`);
        return { status: response.status, body: await response.text() };
      }
      const { head, body } = await rawHttp2({ ":method": "GET", ":path": path }, Buffer.alloc(0));
      return { status: head[":status"], body: body.toString() };
    };
    expect(await get("/healthz")).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect(await get("/metrics")).toEqual({ status: 200, body: "up 1\n" });
    readiness = { status: "degraded", parts: { database: "ok", bus: "down" } };
    expect(await get("/readyz")).toEqual({ status: 200, body: JSON.stringify(readiness) });
    readiness = { status: "down", parts: { database: "down" } };
    expect(await get("/readyz")).toEqual({ status: 503, body: JSON.stringify(readiness) });
    readiness = { status: "ok", parts: {} };
    expect((await get("/nowhere")).status).toBe(404);
  });

  test("the JSON Schema of workflow files, as it is in the package", async () => {
    const response = await fetch(`${open.url}/schema/workflow.json`);
    expect(response.headers.get("content-type")).toContain("application/schema+json");
    const packed = new URL("../../schema/workflow.json", import.meta.url);
    expect(await response.json()).toEqual(JSON.parse(readFileSync(packed, "utf8")));
  });

  test("anything but GET is refused", async () => {
    expect((await fetch(`${open.url}/healthz`, { method: "DELETE" })).status).toBe(405);
  });
});

describe("health", () => {
  const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

  test("check and list", async () => {
    const client = createClient(Health, createGrpcTransport({ baseUrl: open.url }));
    expect((await client.check({ service: "" })).status).toBe(SERVING);
    expect((await client.check({ service: WorkflowService.typeName })).status).toBe(SERVING);
    const error = await errorOf(client.check({ service: "unknown" }));
    expect(error.code).toBe(Code.NotFound);
    expect(Object.keys((await client.list({})).statuses)).toEqual(["", WorkflowService.typeName]);
  });

  test("watch sends each change, and the end", async () => {
    const port = await openPort();
    const client = createClient(Health, createGrpcTransport({ baseUrl: port.url }));
    const seen: number[] = [];
    for await (const { status } of client.watch({ service: "" })) {
      seen.push(status);
      if (seen.length === 1) port.health.setServing(false);
      else if (seen.length === 2) port.health.setServing(true);
      else if (seen.length === 3) port.health.end();
    }
    expect(seen).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    for await (const { status } of client.watch({ service: "unknown" })) {
      expect(status).toBe(SERVICE_UNKNOWN);
    }
    await port.listener.stop(1_000);
  });
});

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha],
] as const)("reflection %s", (_name, service) => {
  type Asked = {
    case: "fileByFilename" | "fileContainingSymbol" | "listServices" | "allExtensionNumbersOfType";
    value: string;
  };
  const ask = async (...asked: Asked[]) => {
    const client = createClient(service, createGrpcTransport({ baseUrl: open.url }));
    const requests = asked.map((messageRequest) => ({ host: "here", messageRequest }));
    const answers = [];
    for await (const answer of client.serverReflectionInfo(asyncOf(requests))) {
      answers.push(answer.messageResponse);
    }
    return answers;
  };
  async function* asyncOf<T>(items: T[]) {
    yield* items;
  }

  test("lists services", async () => {
    const [answer] = await ask({ case: "listServices", value: "" });
    expect(answer?.value).toMatchObject({
      service: [
        { name: WorkflowService.typeName },
        { name: Runs.typeName },
        { name: Inbox.typeName },
        { name: System.typeName },
        { name: Workflows.typeName },
        { name: Health.typeName },
      ],
    });
  });

  test.each([
    "workflows.v1.WorkflowService",
    "workflows.v1.WorkflowService.StartRun",
    "workflows.v1.StepRun",
    "workflows.v1.StepRun.step_id",
    "workflows.v1.StepType",
    "workflows.v1.STEP_TYPE_BRANCH",
  ])("finds the file of %s, with its imports once", async (symbol) => {
    const asked = { case: "fileContainingSymbol", value: symbol } as const;
    const answers = await ask(asked, asked);
    const names = answers.map((answer) =>
      answer.case !== "fileDescriptorResponse"
        ? []
        : answer.value.fileDescriptorProto.map(
            (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
          ),
    );
    const own = "workflows/v1/workflows.proto";
    expect(names[0]).toEqual([
      own,
      "google/protobuf/struct.proto",
      "google/protobuf/timestamp.proto",
    ]);
    expect(names[1]).toEqual([own]);
  });

  test.each([
    ["google.rpc.BadRequest", "google/rpc/error_details.proto"],
    ["google.rpc.ErrorInfo", "google/rpc/error_details.proto"],
    ["google.rpc.Status", "google/rpc/status.proto"],
    ["events.v1.CloudEvent", "events/v1/cloudevent.proto"],
    ["events.v1.Change", "events/v1/change.proto"],
    ["tap.v1.TapEventData", "tap/v1/event.proto"],
    ["workflows.v1.WorkflowRunLifecycleEvent", "workflows/v1/workflows.proto"],
    ["workflows.v1.WorkflowStepLifecycleEvent", "workflows/v1/workflows.proto"],
    ["workflows.ops.v1.GetPayloadRequest", "workflows/ops/v1/runs.proto"],
  ])(
    "knows %s, which comes as a detail, as an event or with another service",
    async (symbol, name) => {
      const [answer] = await ask({ case: "fileContainingSymbol", value: symbol });
      if (answer?.case !== "fileDescriptorResponse") throw new Error(`${symbol} is not known`);
      const files = answer.value.fileDescriptorProto.map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      );
      expect(files[0]).toBe(name);
    },
  );

  test("says what it does not know", async () => {
    const answers = await ask(
      { case: "fileByFilename", value: "nowhere.proto" },
      { case: "fileContainingSymbol", value: "workflows.v1.Nothing" },
      { case: "allExtensionNumbersOfType", value: "workflows.v1.StepRun" },
      { case: "fileByFilename", value: "google/protobuf/struct.proto" },
    );
    expect(answers.map((answer) => answer.case)).toEqual([
      "errorResponse",
      "errorResponse",
      "allExtensionNumbersResponse",
      "fileDescriptorResponse",
    ]);
    expect(answers[0]?.value).toMatchObject({ errorCode: Code.NotFound });
  });
});

test("stop lets a call end and refuses new connections", async () => {
  const port = await openPort();
  const client = createClient(WorkflowService, createGrpcTransport({ baseUrl: port.url }));
  expect((await client.getRun({ id: "known" })).run?.id).toBe("known");
  const arrived = new Promise<void>((resolve) => {
    slowCallArrived = resolve;
  });
  const slow = errorOf(client.getRun({ id: "slow" }, { timeoutMs: 300 }));
  await arrived;
  await port.listener.stop(5_000);
  expect((await slow).code).toBe(Code.DeadlineExceeded);
  await expect(fetch(`${port.url}/healthz`)).rejects.toThrow();
});

describe("TLS", () => {
  let folder = "";
  let tls: TlsMaterial;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "workflows-tls-"));
    const file = (name: string) => join(folder, name);
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const out = ["-keyout", file("key.pem"), "-out", file("cert.pem")];
    execFileSync("openssl", ["req", "-x509", "-days", "2", ...made, ...out, ...subject], {
      stdio: "pipe",
    });
    const cert = readFileSync(file("cert.pem"));
    tls = { cert, key: readFileSync(file("key.pem")) };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("both versions of HTTP by ALPN", async () => {
    const port = await openPort(tls);
    const nodeOptions = { ca: tls.cert };
    const { url: baseUrl } = port;
    const transports = [
      createGrpcTransport({ baseUrl, nodeOptions }),
      createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions }),
    ];
    for (const transport of transports) {
      const { run } = await createClient(WorkflowService, transport).getRun({ id: "known" });
      expect(run?.id).toBe("known");
    }
    await port.listener.stop(200);
  });

  test("with a client CA, callers without its certificate are refused", async () => {
    const port = await openPort({ ...tls, clientCa: tls.cert });
    const { url: baseUrl } = port;
    const call = (nodeOptions: object) => {
      const transport = createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions });
      return createClient(WorkflowService, transport).getRun({ id: "known" });
    };
    await expect(call({ ca: tls.cert })).rejects.toThrow();
    const { run } = await call({ ca: tls.cert, cert: tls.cert, key: tls.key });
    expect(run?.id).toBe("known");
    await port.listener.stop(200);
  });
});
