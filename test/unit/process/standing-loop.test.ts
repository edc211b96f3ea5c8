import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createLog } from "../../../src/process/log.ts";
import { createLoop } from "../../../src/process/standing-loop.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function loopOf(
  everyMs: number | undefined,
  round: (signal: AbortSignal) => Promise<boolean | number>,
) {
  let rounds = 0;
  const lines: string[] = [];
  const log = createLog({ level: "warn", format: "json", write: (line) => lines.push(line) });
  const loop = createLoop({
    name: "test",
    ...(everyMs === undefined ? {} : { everyMs }),
    log,
    round(signal) {
      rounds += 1;
      return round(signal);
    },
  });
  return { loop, lines, count: () => rounds };
}

it("pauses between rounds, by a quarter more or less", async () => {
  const { loop, count } = loopOf(1_000, async () => false);
  loop.start();
  await vi.advanceTimersByTimeAsync(700);
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(600);
  expect(count()).toBe(2);
  await loop.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(count()).toBe(2);
});

it("goes on at once when there is more to do, and when it is woken during a round", async () => {
  let more = 3;
  const { loop, count } = loopOf(1_000_000, async () => {
    more -= 1;
    if (more === 0) loop.wake();
    return more > 0;
  });
  loop.start();
  await vi.advanceTimersByTimeAsync(1);
  expect(count()).toBe(4);
  loop.wake();
  await vi.advanceTimersByTimeAsync(1);
  expect(count()).toBe(5);
  await loop.stop();
});

it("pauses for as long as a round says", async () => {
  const { loop, count } = loopOf(1_000, async () => 40);
  loop.start();
  await vi.advanceTimersByTimeAsync(39);
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(count()).toBe(2);
  await loop.stop();
});

it("without a pause of its own has a round only when it is woken", async () => {
  const { loop, count } = loopOf(undefined, async () => false);
  loop.start();
  await vi.advanceTimersByTimeAsync(86_400_000);
  expect(count()).toBe(1);
  loop.wake();
  await vi.advanceTimersByTimeAsync(86_400_000);
  expect(count()).toBe(2);
  await loop.stop();
});

it("is woken within a time, of several within the shortest, and during a round for the pause after it", async () => {
  let isLong = false;
  const { loop, count } = loopOf(10_000, async () => {
    if (isLong) loop.wakeWithin(30);
    isLong = false;
    return false;
  });
  loop.start();
  await vi.advanceTimersByTimeAsync(0);
  loop.wakeWithin(50);
  loop.wakeWithin(20);
  loop.wakeWithin(500);
  await vi.advanceTimersByTimeAsync(19);
  expect(count()).toBe(1);
  isLong = true;
  await vi.advanceTimersByTimeAsync(1);
  expect(count()).toBe(2);
  await vi.advanceTimersByTimeAsync(30);
  expect(count()).toBe(3);
  // The times of pauses that are over count no more.
  await vi.advanceTimersByTimeAsync(5_000);
  expect(count()).toBe(3);
  await loop.stop();
});

it("retries a failed round soon, then with back-off, also when it is woken", async () => {
  const { loop, lines, count } = loopOf(600_000, () => Promise.reject(new Error("away")));
  loop.start();
  for (let times = 0; times < 50; times += 1) {
    loop.wake();
    loop.wakeWithin(0);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(300);
  expect(count()).toBe(2);
  await vi.advanceTimersByTimeAsync(60_000);
  // A retry every 2 s, by a quarter more or less.
  expect(count()).toBeGreaterThan(22);
  expect(count()).toBeLessThan(46);
  expect(lines).toHaveLength(count());
  await loop.stop();
});

it("waits for the current round when it stops, and signals the stop to it", async () => {
  let end = () => {};
  const aborted: boolean[] = [];
  const { loop } = loopOf(1_000, async (signal) => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    aborted.push(signal.aborted);
    return true;
  });
  loop.start();
  let stopped = false;
  const stopping = loop.stop().then(() => {
    stopped = true;
  });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(stopped).toBe(false);
  end();
  await stopping;
  expect(aborted).toEqual([true]);
});

it("is woken within the time that a round after a failure was told", async () => {
  let rounds = 0;
  const { loop, count } = loopOf(1_000_000, async () => {
    rounds += 1;
    if (rounds === 1) throw new Error("away");
    if (rounds === 2) loop.wakeWithin(40);
    return false;
  });
  loop.start();
  await vi.advanceTimersByTimeAsync(400);
  expect(count()).toBe(3);
  await loop.stop();
});
