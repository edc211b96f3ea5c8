/** A connection to an owner that dies without a word to either side: the next calls go on over another one, soon. */
import { createServer } from "node:http";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import {
  CreateRequestSchema,
  CreateResponseSchema,
  ObjectiveService,
} from "../../../gen/objectives/v1/objectives_pb.ts";
import { createConnectTransport } from "../../../src/collaborators/connect-transport.ts";
import { createFramedTransport } from "../../../src/collaborators/framed-transport.ts";
import type { Transport } from "../../../src/collaborators/transport.ts";
import { type AskedStream, startHttp2Owner } from "../../support/collaborators/http2-owner.ts";
import { startTcpRelay } from "../../support/engines/tcp-relay.ts";

/** Of a call over the silent connection, and of the ping behind it. */
const LOST_MS = 300;
const PING_TIMEOUT_MS = 300;
/** Of every other call. */
const TIMEOUT_MS = 10_000;
const BROKEN = { kind: "broken" };

const started: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

/** A relay to an owner, and a client of it; the first call was answered. */
async function connectThrough(ownerPort: number, open: (baseUrl: string) => Transport) {
  const relay = await startTcpRelay(ownerPort);
  started.push(relay);
  const transport = open(`http://127.0.0.1:${relay.port}`);
  started.push({ stop: async () => transport.close() });
  const message = toBinary(CreateRequestSchema, create(CreateRequestSchema, { title: "t" }));
  const send = (key: string, timeoutMs?: number) =>
    transport.send(ObjectiveService.method.create, message, { "idempotency-key": key }, timeoutMs);
  await send("first");
  return { relay, send };
}

describe("gRPC", () => {
  async function start(meet = (asked: AskedStream) => asked.answer()) {
    const owner = await startHttp2Owner(meet);
    started.push(owner);
    const { port } = new URL(owner.url);
    const at = await connectThrough(Number(port), (baseUrl) =>
      createFramedTransport("grpc", {
        ...{ baseUrl, timeoutMs: TIMEOUT_MS, connections: 1, pingTimeoutMs: PING_TIMEOUT_MS },
      }),
    );
    return { ...at, owner };
  }

  it("ends it after one deadline and a ping, and makes the next calls over another one", async () => {
    const { relay, send, owner } = await start();
    relay.silence();
    const open = expect(send("open")).rejects.toMatchObject(BROKEN);
    await expect(send("lost", LOST_MS)).rejects.toMatchObject(BROKEN);
    // The ping has ended this one long before its deadline.
    await open;
    await Promise.all([send("next"), send("one more")]);
    expect(owner.asked.map(({ key, sessionNumber }) => [key, sessionNumber])).toEqual([
      ["first", 1],
      ["next", 2],
      ["one more", 2],
    ]);
  });

  it("keeps one whose owner is slow, and answers pings", async () => {
    const { send, owner } = await start((asked) => {
      if (!asked.key.startsWith("slow")) asked.answer();
    });
    await expect(send("slow", LOST_MS)).rejects.toMatchObject(BROKEN);
    // It is open for longer than the ping may take.
    await expect(send("slow too", 2 * PING_TIMEOUT_MS)).rejects.toMatchObject(BROKEN);
    await send("next");
    expect(owner.asked.map(({ sessionNumber }) => sessionNumber)).toEqual([1, 1, 1, 1]);
  });
});

describe("Connect", () => {
  it("makes the next call over another connection after one deadline", async () => {
    const answer = toBinary(
      CreateResponseSchema,
      create(CreateResponseSchema, { objective: { id: "obj_1" } }),
    );
    const keys: unknown[] = [];
    const server = createServer((request, response) => {
      keys.push(request.headers["idempotency-key"]);
      request.resume();
      response.setHeader("content-type", "application/proto").end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    started.push({ stop: async () => server.close() });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { relay, send } = await connectThrough(port, (baseUrl) =>
      createConnectTransport({ baseUrl, timeoutMs: TIMEOUT_MS, connections: 1 }),
    );
    relay.silence();
    await expect(send("lost", LOST_MS)).rejects.toMatchObject(BROKEN);
    await send("next");
    expect(keys).toEqual(["first", "next"]);
  });
});
