/** The room for bodies of deliveries: shared by all connections, for a bounded time. */
import { PassThrough } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { createBodyRoom } from "../../../../src/ingress/rpc/hooks/body-room.ts";
import { readDelivery } from "../../../../src/ingress/rpc/hooks/delivery.ts";

const LONG_MS = 60_000;

/** A request that has sent so many bytes and goes on. */
function sending(bytes: number) {
  const stream = new PassThrough();
  stream.write(Buffer.alloc(bytes, 1));
  return { headers: {}, iterator: stream.iterator.bind(stream), stream };
}

it("refuses a body for which others leave no room, until they give theirs back", async () => {
  const room = createBodyRoom(400, LONG_MS);
  const [first, second] = [sending(60), sending(60)];
  const [ofFirst, ofSecond] = [room("ws"), room("ws")];
  const reading = readDelivery(first, ofFirst);
  const refused = readDelivery(second, ofSecond);
  await expect(refused).rejects.toMatchObject({ reason: "overloaded" });
  ofSecond.giveBack();
  first.stream.end();
  expect(await reading).toHaveLength(60);
  ofFirst.giveBack();
  // Given back twice it is given back once.
  ofFirst.giveBack();
  for (const bytes of [60, 60]) {
    const next = sending(bytes);
    const share = room("ws");
    const read = readDelivery(next, share);
    next.stream.end();
    expect(await read).toHaveLength(bytes);
    share.giveBack();
  }
});

it("gives the room of a body back that does not arrive in time, and takes no more of it", async () => {
  const room = createBodyRoom(400, 1);
  const slow = sending(60);
  const share = room("ws");
  expect(await readDelivery(slow, share)).toBe("too slow");
  share.giveBack();
  expect(() => share.take(1)).toThrow();
  const other = room("ws");
  other.take(100);
  expect(() => room("ws").take(1)).toThrow("send it again later");
});

it("leaves the bodies of one workspace a quarter of the room, whoever else has none", () => {
  const room = createBodyRoom(400, LONG_MS);
  room("a").take(99);
  const last = room("a");
  last.take(1);
  expect(() => room("a").take(1)).toThrow("the workspace has as many bodies");
  for (const workspaceId of ["b", "c", "d"]) room(workspaceId).take(100);
  expect(() => room("e").take(1)).toThrow("the service has as many bodies");
  last.giveBack();
  room("e").take(1);
  expect(() => room("a").take(1)).toThrow("the service");
});

it("keeps nothing of a body whose sender stands still, though its reader waits on", async () => {
  const chunks: WeakRef<Uint8Array>[] = [];
  // As the connection does it keeps the reader.
  let goOn = () => {};
  const made = () => {
    const chunk = Buffer.alloc(1_000, 1);
    chunks.push(new WeakRef(chunk));
    return chunk;
  };
  async function* standing() {
    yield made();
    yield made();
    yield made();
    await new Promise<void>((resolve) => {
      goOn = resolve;
    });
  }
  const request = { headers: {}, iterator: standing as never };
  expect(await readDelivery(request, createBodyRoom(40_000, 1)("ws"))).toBe("too slow");
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  // The last one may be the one that the reader looked at.
  expect(chunks.slice(0, 2).map((chunk) => chunk.deref())).toEqual([undefined, undefined]);
  goOn();
});
