/** Messages that a source holds: the batcher's room, progress acknowledgements, log lines about events without a tenant. */
import type { JsMsg } from "nats";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBatcher } from "../../../../src/ingress/bus/batcher.ts";
import { ACK_WAIT_MS } from "../../../../src/ingress/bus/durable-consumer.ts";
import { createHeldMessages } from "../../../../src/ingress/bus/held-messages.ts";
import { createTenantlessNotice } from "../../../../src/ingress/bus/tenantless.ts";
import { createLog } from "../../../../src/process/log.ts";

describe("a batcher", () => {
  /** A batcher of numbers, each as heavy as it says; batches end, or let the next one begin, when the test says so. */
  function handBatcher() {
    const batches: number[][] = [];
    const ends: (() => void)[] = [];
    const nexts: (() => void)[] = [];
    const batcher = createBatcher<number>({
      itemsAtMost: 10,
      bytesAtMost: 100,
      bytesOf: (item) => item,
      work(batch, next) {
        batches.push(batch);
        nexts.push(next);
        return new Promise((resolve) => void ends.push(resolve));
      },
    });
    const put = (...items: number[]) => {
      for (const item of items) batcher.put(item);
    };
    return { batcher, batches, put, end: () => ends.shift()?.(), next: () => nexts.at(-1)?.() };
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const ones = (count: number) => Array.from({ length: count }, () => 1);
  const twos = (count: number) => Array.from({ length: count }, () => 2);

  it("takes at once what has come in one turn of the event loop", async () => {
    const { batcher, batches, put, end } = handBatcher();
    put(1, 2);
    await Promise.resolve();
    put(3);
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
    end();
    await batcher.drained();
  });

  it("has room beside the current batch up to its limit, and no more", async () => {
    const { batcher, batches, put, end } = handBatcher();
    put(1);
    await turn();
    expect(await batcher.room()).toBe(10);
    put(...ones(7));
    expect(await batcher.room()).toBe(3);
    put(...ones(3));
    let room: number | undefined;
    const waiting = batcher.room().then((value) => {
      room = value;
    });
    await turn();
    expect(room).toBeUndefined();
    end();
    await waiting;
    expect(room).toBe(10);
    expect(batches.map((batch) => batch.length)).toEqual([1, 10]);
    end();
    await batcher.drained();
  });

  it("cuts batches by number and bytes, in order; a heavy one is a batch alone", async () => {
    const { batcher, batches, put, end } = handBatcher();
    put(1);
    await turn();
    put(...twos(12), 60, 50, 500, 3);
    let drained = false;
    const done = batcher.drained().then(() => {
      drained = true;
    });
    while (!drained) {
      end();
      await turn();
    }
    await done;
    expect(batches).toEqual([[1], twos(10), [...twos(2), 60], [50], [500], [3]]);
  });

  it("has no room while what waits is as heavy as a batch may be", async () => {
    const { batcher, put, end } = handBatcher();
    put(1);
    await turn();
    put(60, 60);
    let room: number | undefined;
    const waiting = batcher.room().then((value) => {
      room = value;
    });
    await turn();
    expect(room).toBeUndefined();
    end();
    await waiting;
    // 60 bytes wait, and the last one had 60.
    expect(room).toBe(1);
    for (let n = 0; n < 2; n++) {
      end();
      await turn();
    }
    await batcher.drained();
  });

  it("has room for as many as fit when they are as heavy as the last ones", async () => {
    const { batcher, put, end } = handBatcher();
    put(40);
    await turn();
    expect(await batcher.room()).toBe(2);
    put(40);
    expect(await batcher.room()).toBe(1);
    end();
    await turn();
    end();
    await batcher.drained();
  });

  it("begins the next batch when the last one lets it, and has no more in hand than a batch may be", async () => {
    const { batcher, batches, put, end, next } = handBatcher();
    put(...ones(6));
    await turn();
    put(...twos(6));
    await turn();
    expect(batches).toEqual([ones(6)]);
    next();
    await turn();
    expect(batches).toEqual([ones(6), twos(4)]);
    next();
    await turn();
    expect(batches).toHaveLength(2);
    let drained = false;
    const done = batcher.drained().then(() => {
      drained = true;
    });
    end();
    await turn();
    expect(batches).toEqual([ones(6), twos(4), twos(2)]);
    next();
    end();
    await turn();
    expect(drained).toBe(false);
    end();
    await done;
  });
});

describe("held messages", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("all send progress acknowledgements until they end, and then no timer is left", () => {
    const said: string[] = [];
    const messageOf = (name: string) => ({ working: () => said.push(name) }) as unknown as JsMsg;
    const [inHand, waiting] = [messageOf("in hand"), messageOf("waiting")];
    const held = createHeldMessages();
    held.add(inHand);
    held.add(waiting);
    vi.advanceTimersByTime(ACK_WAIT_MS * 0.7);
    expect(said).toEqual(["in hand", "waiting", "in hand", "waiting"]);
    held.remove([inHand]);
    vi.advanceTimersByTime(ACK_WAIT_MS * 0.35);
    expect(said.slice(4)).toEqual(["waiting"]);
    held.remove([waiting]);
    expect(vi.getTimerCount()).toBe(0);
    held.add(messageOf("later"));
    vi.advanceTimersByTime(ACK_WAIT_MS * 0.35);
    expect(said.slice(5)).toEqual(["later"]);
  });
});

describe("events without a tenant", () => {
  it("have one line a minute and source, with their number", () => {
    const lines: string[] = [];
    const log = createLog({ level: "warn", format: "json", write: (line) => lines.push(line) });
    let nowMs = 0;
    const notes = ["CRM", "BILLING"].map((stream) =>
      createTenantlessNotice(log, stream, () => nowMs),
    );
    for (; nowMs < 120_000; nowMs += 1_000) for (const note of notes) note("crm.x");
    const logged = lines.map((line) => JSON.parse(line)).filter(({ stream }) => stream === "CRM");
    expect(logged).toMatchObject([
      { message: "events without a tenant are ignored", subject: "crm.x", count: 1 },
      { count: 60 },
    ]);
    expect(lines).toHaveLength(4);
  });
});
