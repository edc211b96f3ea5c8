/** Messages of a stream in chunks, and their end. */
import { create, type Message } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { WatchResponseSchema } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { encodeAnswer, envelopeOf, framesOf } from "../../../../src/ingress/rpc/stream-frames.ts";

const MESSAGES = ["a", "b", "c"].map((cursor) => create(WatchResponseSchema, { cursor }));

function envelope(message: Message): Uint8Array {
  return envelopeOf(WatchResponseSchema, message, false);
}

/** The chunks, each as the number of envelopes in it, and how the stream ended. */
async function sent(messages: AsyncIterable<Message>) {
  const { frames, ended } = framesOf(messages, envelope, (thrown) => ({ translated: thrown }));
  const chunks: number[] = [];
  for await (const chunk of frames) chunks.push(envelopesIn(chunk));
  return { chunks, end: await ended.then(() => "ended").catch((error: unknown) => error) };
}

function envelopesIn(chunk: Uint8Array): number {
  const bytes = Buffer.from(chunk);
  let count = 0;
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) count += 1;
  return count;
}

it("what is ready in one turn goes out in one chunk", async () => {
  async function* messages() {
    yield* MESSAGES;
  }
  expect(await sent(messages())).toEqual({ chunks: [3], end: "ended" });
});

it("a stream that fails sends first what was ready before", async () => {
  async function* messages() {
    yield* MESSAGES;
    throw "a fault";
  }
  expect(await sent(messages())).toEqual({ chunks: [3], end: { translated: "a fault" } });
});

it("what comes soon after the first chunks goes out together, and with the end", async () => {
  async function* messages() {
    for (const message of [...MESSAGES, ...MESSAGES]) {
      yield message;
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    }
  }
  const { chunks, end } = await sent(messages());
  expect(end).toBe("ended");
  expect(chunks.slice(0, 2)).toEqual([1, 1]);
  expect(chunks.reduce((sum, count) => sum + count)).toBe(6);
  // Four chunks of one message would be six chunks in all.
  expect(chunks.length).toBeLessThan(6);
});

it("chunks of several streams that have to wait go out in the same turn", async () => {
  const turns: string[][] = [];
  let isOpen = false;
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const note = (name: string) => {
    if (!isOpen) turns.push([]);
    isOpen = true;
    turns.at(-1)?.push(name);
    // Two chunks of each go out at once, the third one waits.
    if (turns.flat().length === 6) end();
    setImmediate(() => {
      isOpen = false;
    });
  };
  const follow = async (name: string, turnsApart: number) => {
    async function* messages() {
      for (const message of [...MESSAGES, ...MESSAGES]) {
        yield message;
        for (let turn = 0; turn < turnsApart; turn += 1) await new Promise(setImmediate);
      }
      await over;
    }
    for await (const _ of framesOf(messages(), envelope, String).frames) note(name);
  };
  await Promise.all([follow("a", 2), follow("b", 500)]);
  expect(turns.at(-1)).toHaveLength(2);
});

it("a chunk is of 64 KiB and one message at most", async () => {
  const large = create(WatchResponseSchema, { cursor: "x".repeat(40_000) });
  async function* messages() {
    yield* [large, large, large];
  }
  expect(await sent(messages())).toEqual({ chunks: [2, 1], end: "ended" });
});

it("a stream that nobody takes any more is ended, and the source with it", async () => {
  let isClosed = false;
  async function* messages() {
    try {
      yield* MESSAGES;
    } finally {
      isClosed = true;
    }
  }
  const { frames, ended } = framesOf(messages(), envelope, () => undefined);
  for await (const _ of frames) break;
  await ended;
  expect(isClosed).toBe(true);
});

it("a message of several streams is encoded once for each of the two encodings", () => {
  const [message] = MESSAGES;
  if (message === undefined) throw new Error("there is no message");
  expect(envelopeOf(WatchResponseSchema, message, false)).toBe(envelope(message));
  const json = Buffer.from(envelopeOf(WatchResponseSchema, message, true)).subarray(5);
  expect(json).toEqual(Buffer.from(encodeAnswer(WatchResponseSchema, message, true)));
  expect(JSON.parse(json.toString())).toEqual({ cursor: "a" });
});
