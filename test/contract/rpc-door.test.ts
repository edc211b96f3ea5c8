/**
 * What every call passes before its handler: who calls, how large it is, and the forms of the protocols around it.
 * Boundary: raw requests, for clients hide what is tested here.
 */
import * as http2 from "node:http2";
import { connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  GetRunRequestSchema,
  GetRunResponseSchema,
  StartRunRequestSchema,
  StepType,
  WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { type Callers, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import { decodeMessage, encodeMessage } from "../../src/wire/proto/messages.ts";
import { until } from "../support/assertions/until.ts";
import { type RpcService, startRpcService } from "../support/services/rpc-service.ts";

const MIB = 1024 * 1024;
const PAGE = "https://app.example.com";
const SECRET = "a-good-token";
const SERVICE = `/${WorkflowService.typeName}`;

let open: RpcService;
let guarded: RpcService;
let definitionId = "";
beforeAll(async () => {
  const caller = {
    subject: "u",
    workspaceId: "ws",
    scopes: grantedScopes(["admin"]),
    isAgent: false,
  };
  const callers: Callers = { find: async (token) => (token === SECRET ? caller : undefined) };
  [open, guarded] = await Promise.all([
    startRpcService(),
    startRpcService({ callers, corsOrigins: [PAGE] }),
  ]);
  const { definition } = await open.client.createDefinition({ workspaceId: "ws", name: "one" });
  definitionId = definition?.id ?? "";
  const steps = [{ id: "a", name: "A", stepType: StepType.HUMAN_TASK }];
  await open.client.publishVersion({ definitionId, steps });
});
afterAll(() => Promise.all([open.stop(), guarded.stop()]));

function post(
  service: RpcService,
  method: string,
  type: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
) {
  return fetch(`${service.baseUrl}${SERVICE}/${method}`, {
    method: "POST",
    headers: { "content-type": type, ...headers },
    body,
  });
}

function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** Header, trailers and status of a call by gRPC. */
async function grpc(path: string, message: Uint8Array, more: http2.OutgoingHttpHeaders = {}) {
  const session = http2.connect(open.baseUrl);
  try {
    const stream = session.request({
      ...{ ":method": "POST", ":path": path, "content-type": "application/grpc" },
      ...more,
    });
    const answer: http2.IncomingHttpHeaders = {};
    stream.on("response", (headers) => Object.assign(answer, headers));
    stream.on("trailers", (headers) => Object.assign(answer, headers));
    stream.end(envelope(message));
    stream.resume();
    await new Promise((resolve) => stream.once("close", resolve));
    return answer;
  } finally {
    session.close();
  }
}

/** CPU time of the process during the work, in ms; other load of the machine does not count. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

describe("an unknown caller", () => {
  test.each(["application/json", "application/proto", "application/grpc-web+proto"])(
    "is refused before a byte of the body: %s",
    async (type) => {
      const socket = connect(Number(new URL(guarded.baseUrl).port), "127.0.0.1");
      // The body is announced and never sent.
      const refusal = type.includes("grpc") ? "grpc-status: 16" : "HTTP/1.1 401";
      await new Promise<void>((resolve, reject) => {
        let answer = "";
        socket.on("error", reject);
        socket.on("data", (bytes) => {
          answer += bytes.toString();
          if (answer.includes(refusal)) resolve();
        });
        socket.write(
          `POST ${SERVICE}/StartRun HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\n` +
            `content-length: ${MIB}\r\n\r\n`,
        );
      });
      socket.destroy();
    },
  );

  test("a call with a token has its workspace and its answer", async () => {
    const headers = { authorization: `Bearer ${SECRET}` };
    const answer = await post(
      guarded,
      "CreateDefinition",
      "application/json",
      '{"name":"n"}',
      headers,
    );
    expect(await answer.json()).toMatchObject({ definition: { workspaceId: "ws" } });
  });
});

describe("a payload of many small values", () => {
  const ones = (count: number) =>
    `{"definitionId":"x","inputPayload":{"a":[${"1,".repeat(count)}1]}}`;
  const nulls = (count: number) => {
    const inputPayload = { a: Array.from({ length: count }, () => null) };
    return encodeMessage(StartRunRequestSchema, create(StartRunRequestSchema, { inputPayload }));
  };
  // The library takes 1 to 3 s of CPU for each of these.
  test.each<[string, string, string | Uint8Array, string]>([
    ["500,000 as JSON", "application/json", ones(500_000), "over the limit of 262144"],
    ["250,000 as protobuf", "application/proto", nulls(250_000), "over the limit of 262144"],
    ["as many as are taken", "application/json", ones(130_000), "there is no definition x"],
  ])("blocks no other call: %s", async (_name, type, body, expected) => {
    let text = "";
    const burnt = await cpuMs(async () => {
      text = await (await post(open, "StartRun", type, body)).text();
    });
    expect(text).toContain(expected);
    expect(burnt).toBeLessThan(600);
  });
});

describe("a key __proto__ in payloads", () => {
  const payload = '{"a":1,"__proto__":{"constructor":[{"__proto__":"x"}]}}';

  test("JSON: the run and its step give it back", async () => {
    const body = `{"definitionId":"${definitionId}","inputPayload":${payload}}`;
    const started = await post(open, "StartRun", "application/json", body);
    const { run } = JSON.parse(await started.text());
    expect(JSON.stringify(run.inputPayload)).toBe(payload);
    const read = await post(open, "GetRun", "application/json", `{"id":"${run.id}"}`);
    const again = JSON.parse(await read.text());
    expect(JSON.stringify(again.run.inputPayload)).toBe(payload);
    expect(JSON.stringify(again.run.steps[0].inputPayload)).toBe(payload);
  });

  test("protobuf, with an Idempotency-Key: it is in the kept answer too", async () => {
    const request = create(StartRunRequestSchema, {
      definitionId,
      inputPayload: JSON.parse(payload),
    });
    const bytes = encodeMessage(StartRunRequestSchema, request);
    const start = async () => {
      const answer = await post(open, "StartRun", "application/proto", bytes, {
        "idempotency-key": "proto",
      });
      return decodeMessage(GetRunResponseSchema, new Uint8Array(await answer.arrayBuffer())).run;
    };
    const first = await start();
    expect(JSON.stringify(first?.inputPayload)).toBe(payload);
    const again = await start();
    expect(again?.id).toBe(first?.id);
    expect(JSON.stringify(again?.inputPayload)).toBe(payload);
  });
});

test.each(["2592000S", "99999999H", "1000M"])("a deadline of %s is in time", async (timeout) => {
  const { run } = await open.client.startRun({ definitionId });
  const bytes = encodeMessage(
    GetRunRequestSchema,
    create(GetRunRequestSchema, { id: run?.id ?? "" }),
  );
  const trailers = await grpc(`${SERVICE}/GetRun`, bytes, { "grpc-timeout": timeout });
  expect(trailers["grpc-status"]).toBe("0");
  const headers = { "connect-timeout-ms": "9999999999" };
  const answer = await post(open, "GetRun", "application/proto", bytes, headers);
  expect(answer.status).toBe(200);
});

describe("texts of errors", () => {
  const request = (id: string) =>
    encodeMessage(GetRunRequestSchema, create(GetRunRequestSchema, { id }));

  test("over gRPC only what gRPC asks for is escaped", async () => {
    const plain = await grpc(`${SERVICE}/GetRun`, request(""));
    expect(plain["grpc-message"]).toBe("the request is not valid: id: is required");
    const other = await grpc(`${SERVICE}/GetRun`, request("50% é"));
    expect(other["grpc-message"]).toBe("there is no run 50%25 %C3%A9");
  });

  test("over gRPC-Web too", async () => {
    const type = "application/grpc-web+proto";
    const text = await (await post(open, "GetRun", type, envelope(request("50% é")))).text();
    expect(text).toContain("grpc-message: there is no run 50%25 %C3%A9\r\n");
  });

  test("a stream's error too", async () => {
    const answer = await grpc("/grpc.health.v1.Health/Watch", Buffer.from([0x0a, 0xff]));
    expect(answer["grpc-status"]).toBe("3");
    expect(answer["grpc-message"]).toContain("parse binary: ");
  });
});

describe("what no RPC answers", () => {
  test.each(["/workflows.v1.WorkflowService/Nothing", "/nobody.v1.Service/Get"])(
    "%s is unimplemented in every protocol's form",
    async (path) => {
      const words = `there is no RPC ${path.slice(1)}`;
      const byGrpc = await grpc(path, new Uint8Array());
      expect(byGrpc).toMatchObject({
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": "12",
        "grpc-message": words,
      });
      const call = (type: string) =>
        fetch(open.baseUrl + path, {
          method: "POST",
          headers: { "content-type": type },
          body: "{}",
        });
      const web = await call("application/grpc-web+proto");
      expect([web.status, web.headers.get("grpc-status")]).toEqual([200, "12"]);
      expect(web.headers.get("grpc-message")).toBe(words);
      const byConnect = await call("application/json");
      expect(byConnect.status).toBe(501);
      expect(await byConnect.json()).toMatchObject({ code: "unimplemented", message: words });
      // As the end of a stream, with the header of its envelope.
      const stream = await call("application/connect+json");
      const end = Buffer.from(await stream.arrayBuffer());
      expect([stream.status, end[0]]).toEqual([200, 2]);
      expect(JSON.parse(end.subarray(5).toString())).toMatchObject({
        error: { code: "unimplemented", message: words },
      });
    },
  );

  test("405 and 415 say why", async () => {
    const url = `${open.baseUrl}${SERVICE}/StartRun`;
    const put = await fetch(url, {
      method: "PUT",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await put.text()).toContain("POST");
    const text = await post(open, "StartRun", "text/plain", "{}");
    expect(text.status).toBe(415);
    expect(await text.text()).toContain("application/json");
  });

  test("the text mode of gRPC-Web is refused with a message", async () => {
    const answer = await post(open, "GetRun", "application/grpc-web-text", "AAAAAAA=");
    expect(answer.headers.get("grpc-status")).toBe("12");
    expect(answer.headers.get("grpc-message")).toContain("text mode of gRPC-Web is not supported");
  });
});

test("two Idempotency-Key headers are refused by that name", async () => {
  const answer = await grpc(`${SERVICE}/PauseRun`, new Uint8Array(), {
    "idempotency-key": ["one", "two"],
  });
  expect(answer["grpc-status"]).toBe("3");
  expect(answer["grpc-message"]).toContain("Idempotency-Key: is there more than once");
});

test("large answers are compressed for callers who take that, small ones are not", async () => {
  const text = "x".repeat(5_000);
  const { run } = await open.client.startRun({ definitionId, inputPayload: { text } });
  const get = async (accepted: string) => {
    const headers = { "accept-encoding": accepted };
    const answer = await post(open, "GetRun", "application/json", `{"id":"${run?.id}"}`, headers);
    expect(JSON.parse(await answer.text()).run.inputPayload).toEqual({ text });
    return answer.headers.get("content-encoding");
  };
  expect(await get("gzip")).toBe("gzip");
  expect(await get("identity")).toBeNull();
});

describe("headers over the limit", () => {
  const large = "x".repeat(20_000);

  test("over HTTP/2 that call alone is refused, with a message", async () => {
    const session = http2.connect(open.baseUrl);
    const call = async (more: http2.OutgoingHttpHeaders) => {
      const head = { ":method": "POST", ":path": "/grpc.health.v1.Health/Check" };
      const stream = session.request({ ...head, "content-type": "application/grpc", ...more });
      const answer: http2.IncomingHttpHeaders = {};
      stream.on("response", (headers) => Object.assign(answer, headers));
      stream.on("trailers", (headers) => Object.assign(answer, headers));
      stream.end(envelope(new Uint8Array()));
      stream.resume();
      await new Promise((resolve) => stream.once("close", resolve));
      return answer;
    };
    const refused = await call({ "x-large": large });
    expect(refused["grpc-status"]).toBe("8");
    expect(refused["grpc-message"]).toMatch(
      /^the headers have 20\d+ bytes, more than the limit of 16384/,
    );
    expect((await call({}))["grpc-status"]).toBe("0");
    session.close();
  });

  test("over HTTP/1.1 too", async () => {
    const refused = await post(open, "GetRun", "application/json", "{}", { "x-large": large });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "resource_exhausted" });
    const door = await fetch(`${open.baseUrl}/healthz`, { headers: { "x-large": large } });
    expect(door.status).toBe(431);
    expect(await door.text()).toContain("16384");
    const beyond = { "x-large": "x".repeat(100_000) };
    const unread = await fetch(`${open.baseUrl}/healthz`, { headers: beyond });
    expect([unread.status, await unread.text()]).toEqual([
      431,
      '{"status":"the headers have more than 65536 bytes"}',
    ]);
  });
});

describe("pages in browsers", () => {
  const preflight = (service: RpcService, origin: string) =>
    fetch(`${service.baseUrl}${SERVICE}/GetRun`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });

  test("of an origin that is allowed may call, and read what the protocols say in headers", async () => {
    const allowed = await preflight(guarded, PAGE);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(PAGE);
    expect(allowed.headers.get("access-control-allow-methods")).toBe(
      "POST, GET, PUT, PATCH, DELETE",
    );
    const asked = allowed.headers.get("access-control-allow-headers")?.toLowerCase();
    for (const name of [
      ...["content-type", "authorization", "idempotency-key", "connect-timeout-ms", "if-match"],
    ]) {
      expect(asked).toContain(name);
    }
    const headers = { origin: PAGE };
    const answer = await post(guarded, "GetRun", "application/json", "{}", headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("access-control-allow-origin")).toBe(PAGE);
    expect(answer.headers.get("vary")).toBe("Origin");
    const read = answer.headers.get("access-control-expose-headers")?.toLowerCase();
    for (const name of ["grpc-status", "grpc-message", "workflows-payloads-omitted", "etag"]) {
      expect(read).toContain(name);
    }
  });

  test.each([
    ["another origin", () => guarded, "https://other.example.com"],
    ["any origin where none is named", () => open, PAGE],
  ])("of %s are refused with a message", async (_name, service, origin) => {
    const refused = await preflight(service(), origin);
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain("CORS_ORIGINS");
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
    const headers = { origin };
    const answer = await post(service(), "GetRun", "application/json", "{}", headers);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

test("a connection that reads no answers has no further calls handled, and others go on", async () => {
  const text = "x".repeat(200_000);
  const { run } = await open.client.startRun({ definitionId, inputPayload: { text } });
  const request = { id: run?.id ?? "" };
  const get = encodeMessage(GetRunRequestSchema, create(GetRunRequestSchema, request));
  const answer = encodeMessage(GetRunResponseSchema, await open.client.getRun(request));
  // What the server holds for one connection: 8 MiB, and the answer that goes beyond them.
  const fitting = Math.ceil((8 * MIB) / (answer.byteLength + 5));
  // A window of no bytes: nothing of an answer's body is ever taken.
  const session = http2.connect(open.baseUrl, { settings: { initialWindowSize: 0 } });
  const answered = new Set<number>();
  for (let call = 0; call < 90; call += 1) {
    const head = { ":method": "POST", ":path": `${SERVICE}/GetRun` };
    const stream = session.request({ ...head, "content-type": "application/grpc" });
    stream.on("response", () => answered.add(call));
    // A call that waits for 10 s is refused: its answer has no body, so its trailers come.
    stream.on("trailers", () => answered.delete(call));
    stream.on("error", () => {});
    stream.end(envelope(get));
    // Each call finds the unread answers of the calls before.
    if (call < fitting) await new Promise((resolve) => stream.once("response", resolve));
  }
  // Others are served meanwhile, for as long as the server would have needed for the calls that wait.
  for (let call = 0; call < 150; call += 1) await open.client.getDefinition({ id: definitionId });
  await until(() => answered.size <= fitting || undefined);
  expect([...answered]).toEqual(Array.from({ length: fitting }, (_, call) => call));
  expect((await open.client.getRun(request)).run?.id).toBe(run?.id);
  session.destroy();
});
