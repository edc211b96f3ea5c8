/** Connections of HTTP/1.1 that are kept: which call goes out twice, which never does, and when one is closed. */
import { createServer, type Server, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, it } from "vitest";
import {
  CreateRequestSchema,
  CreateResponseSchema,
  ObjectiveService,
} from "../../../gen/objectives/v1/objectives_pb.ts";
import { createConnectTransport } from "../../../src/collaborators/connect-transport.ts";
import type { Transport } from "../../../src/collaborators/transport.ts";

const request = toBinary(CreateRequestSchema, create(CreateRequestSchema, { title: "naïve ☂" }));
const answer = Buffer.from(
  toBinary(CreateResponseSchema, create(CreateResponseSchema, { objective: { id: "obj-1" } })),
);

/** What the owner does with a call: it has the whole request's text, as single bytes. */
type Meet = (
  socket: Socket,
  call: { readonly text: string; readonly place: number; readonly number: number },
) => void;

let server: Server | undefined;
let transport: Transport | undefined;
afterEach(async () => {
  transport?.close();
  await new Promise((resolve) => server?.close(resolve));
});

/** An owner, and a client of it; `place` counts the calls of a connection, `number` all calls. */
async function start(meet: Meet, connections = 1) {
  const calls: string[] = [];
  let opened = 0;
  server = createServer((socket) => {
    opened += 1;
    let [text, place] = ["", 0];
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const head = text.indexOf("\r\n\r\n") + 4;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1]);
      if (text.length < head + length) return;
      place += 1;
      calls.push(text);
      meet(socket, { text, place, number: calls.length });
      text = "";
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const made = createConnectTransport({
    baseUrl: `http://127.0.0.1:${port}/base/`,
    timeoutMs: 5_000,
    connections,
  });
  transport = made;
  const send = (key: string, timeoutMs?: number) =>
    made.send(ObjectiveService.method.create, request, { "idempotency-key": key }, timeoutMs);
  return { send, calls, opened: () => opened };
}

function reply(socket: Socket, ...headers: string[]): void {
  const head = [
    "HTTP/1.1 200 OK",
    "content-type: application/proto",
    `content-length: ${answer.length}`,
    ...headers,
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), answer]));
}

it("carry one call after another, with the bytes of each request", async () => {
  const { send, calls, opened } = await start((socket) => reply(socket), 2);
  for (const key of ["a", "b"]) expect((await send(key)).objective?.id).toBe("obj-1");
  await Promise.all([send("c"), send("d")]);
  expect(opened()).toBe(2);
  const [head = "", body = ""] = calls[0]?.split("\r\n\r\n") ?? [];
  expect(head).toMatch(
    /^POST \/base\/objectives\.v1\.ObjectiveService\/Create HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/,
  );
  expect(head).toContain("\r\nidempotency-key: a");
  expect(Buffer.from(body, "latin1")).toEqual(Buffer.from(request));
});

it("send a call once more where the owner had closed them, and no call twice more", async () => {
  const { send, calls } = await start((socket, { number }) => {
    if (number === 1) reply(socket);
    else socket.destroy();
  });
  await send("first");
  await expect(send("second")).rejects.toMatchObject({ kind: "broken" });
  expect(calls).toHaveLength(3);
});

it("send no call again of which a part was answered, nor one on a new connection", async () => {
  const { send, calls } = await start((socket, { number }) => {
    if (number === 1) reply(socket);
    else if (number === 2) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort");
    else socket.destroy();
  });
  await send("first");
  await expect(send("in part")).rejects.toMatchObject({
    kind: "broken",
    message: "no answer: other side closed",
  });
  await expect(send("anew")).rejects.toMatchObject({ kind: "broken" });
  expect(calls).toHaveLength(3);
});

it("are closed by a call that is late, and by what nobody asked for", async () => {
  const { send, calls, opened } = await start((socket, { number }) => {
    if (number === 2) return;
    reply(socket);
    if (number === 3) socket.write("HTTP/1.1 408 Idle\r\ncontent-length: 0\r\n\r\n");
  });
  await send("first");
  await expect(send("late", 50)).rejects.toMatchObject({ message: "no answer within 50 ms" });
  await send("with more behind it");
  await send("last");
  expect(calls).toHaveLength(4);
  expect(opened()).toBe(3);
});

it("are kept no longer than the owner keeps them", async () => {
  const { send, opened } = await start((socket) => reply(socket, "keep-alive: timeout=1"));
  for (const key of ["a", "b"]) await send(key);
  expect(opened()).toBe(2);
});

it("carry no header that would be two", async () => {
  const { send, calls } = await start((socket) => reply(socket));
  await expect(send("a\r\nx: y")).rejects.toMatchObject({ kind: "broken" });
  expect(calls).toHaveLength(0);
});

it("carry nothing once they are closed, and what is under way is broken", async () => {
  const { send, calls } = await start((_, { number }) => {
    if (number === 1) transport?.close();
  });
  await expect(send("under way")).rejects.toMatchObject({ kind: "broken" });
  await expect(send("after")).rejects.toMatchObject({ kind: "broken" });
  expect(calls).toHaveLength(1);
});
