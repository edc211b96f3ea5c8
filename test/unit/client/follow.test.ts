/** A stream that is opened again: after a cut, after silence, and for how long. */
import { expect, test } from "vitest";
import { follow } from "../../../src/client/follow.ts";

const CUT = new Error("cut");
const isCut = (error: unknown) => error === CUT || (error as Error).name === "AbortError";

async function take<M>(messages: AsyncIterable<M>): Promise<M[]> {
  const taken: M[] = [];
  for await (const message of messages) taken.push(message);
  return taken;
}

test("goes on after each cut until the service ends the stream", async () => {
  let next = 0;
  async function* open() {
    for (const end = next + 2; next < end && next < 7; ) yield next++;
    if (next < 7) throw CUT;
  }
  expect(await take(follow({ open, isCut, awayMs: 1_000 }))).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("goes on after the end of an endless stream too", async () => {
  const abort = new AbortController();
  let opened = 0;
  async function* open() {
    yield ++opened;
  }
  const taken: number[] = [];
  const options = { open, isCut, awayMs: 1_000, isEndless: true, signal: abort.signal };
  const followed = (async () => {
    for await (const message of follow(options)) if (taken.push(message) === 3) abort.abort();
  })();
  await expect(followed).rejects.toMatchObject({ name: "AbortError" });
  expect(taken).toEqual([1, 2, 3]);
});

test("hangs up on a stream that is silent, and opens it again", async () => {
  let opened = 0;
  async function* open(signal: AbortSignal) {
    opened += 1;
    yield opened;
    if (opened === 2) return;
    await new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(new DOMException("", "AbortError"))),
    );
  }
  expect(await take(follow({ open, isCut, awayMs: 1_000, silentMs: 30 }))).toEqual([1, 2]);
});

test("is not silent while its reader takes its time", async () => {
  let opened = 0;
  async function* open(signal: AbortSignal) {
    opened += 1;
    yield 1;
    signal.throwIfAborted();
    yield 2;
  }
  const taken: number[] = [];
  for await (const message of follow({ open, isCut, awayMs: 1_000, silentMs: 20 })) {
    taken.push(message);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  expect([taken, opened]).toEqual([[1, 2], 1]);
});

test("gives up with the last error when the service stays away, and at once for another error", async () => {
  let opened = 0;
  // biome-ignore lint/correctness/useYield: it fails before its first message.
  async function* away(): AsyncGenerator<number> {
    opened += 1;
    throw CUT;
  }
  await expect(take(follow({ open: away, isCut, awayMs: 300 }))).rejects.toBe(CUT);
  expect(opened).toBeGreaterThan(1);
  opened = 0;
  await expect(take(follow({ open: away, isCut: () => false, awayMs: 300 }))).rejects.toBe(CUT);
  expect(opened).toBe(1);
});

test("ends with the reason of its signal", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  async function* open() {
    yield 1;
    abort.abort(reason);
    throw CUT;
  }
  const options = { open, isCut, awayMs: 1_000, signal: abort.signal };
  await expect(take(follow(options))).rejects.toBe(reason);
});
