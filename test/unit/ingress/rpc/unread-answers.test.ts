/** Answers that a caller does not read: which calls wait, which connections are cut, and that no state is left. */
import { afterEach, expect, it, vi } from "vitest";
import { createUnreadAnswers } from "../../../../src/ingress/rpc/unread-answers.ts";
import { createLog } from "../../../../src/process/log.ts";

const log = createLog({ level: "error", format: "json", write: () => {} });
const LIMITS = {
  waitsFrom: 10,
  ofConnection: 30,
  ofProcess: 50,
  waitMs: 60_000,
  readWithinMs: 60_000,
};

afterEach(() => void vi.useRealTimers());

function connection() {
  const made = {
    cut: 0,
    destroy() {
      made.cut += 1;
    },
  };
  return made;
}

it("a connection with many unread bytes waits until it has read some", async () => {
  const unread = createUnreadAnswers(log, LIMITS);
  const [slow, other] = [connection(), connection()];
  const first = unread.hold(slow, 8);
  const second = unread.hold(slow, 8);
  let entered = false;
  const waiting = unread.room(slow).then(() => {
    entered = true;
  });
  await unread.room(other);
  expect(entered).toBe(false);
  first();
  await waiting;
  second();
  expect([slow.cut, other.cut]).toEqual([0, 0]);
});

it("one that reads nothing has its next call refused", async () => {
  const unread = createUnreadAnswers(log, { ...LIMITS, waitMs: 1 });
  const slow = connection();
  unread.hold(slow, 11);
  await expect(unread.room(slow)).rejects.toMatchObject({ reason: "overloaded" });
});

it("one with far too many is cut off, once", () => {
  const unread = createUnreadAnswers(log, LIMITS);
  const slow = connection();
  const answers = [20, 20].map((bytes) => unread.hold(slow, bytes));
  expect(slow.cut).toBe(1);
  for (const read of answers) read();
  unread.hold(slow, 1)();
  expect(slow.cut).toBe(1);
});

it("where all have too many the one with the most is cut off, and its bytes count no more", () => {
  const unread = createUnreadAnswers(log, LIMITS);
  const [small, large, last] = [connection(), connection(), connection()];
  unread.hold(small, 15);
  const lost = unread.hold(large, 25);
  unread.hold(last, 20);
  expect([small.cut, large.cut, last.cut]).toEqual([0, 1, 0]);
  lost();
  unread.hold(small, 14);
  expect([small.cut, last.cut]).toEqual([0, 0]);
  unread.hold(last, 2);
  expect([small.cut, last.cut]).toEqual([1, 0]);
});

it("one that leaves an answer unread for a minute is cut off, and no timer is left", async () => {
  vi.useFakeTimers();
  const unread = createUnreadAnswers(log, LIMITS);
  const [slow, quick, later] = [connection(), connection(), connection()];
  const cuts = () => [slow.cut, quick.cut, later.cut];
  const lost = [unread.hold(slow, 1)];
  const read = unread.hold(quick, 1);
  await vi.advanceTimersByTimeAsync(30_000);
  lost.push(unread.hold(later, 1));
  read();
  await vi.advanceTimersByTimeAsync(29_999);
  expect(cuts()).toEqual([0, 0, 0]);
  await vi.advanceTimersByTimeAsync(5_001);
  expect(cuts()).toEqual([1, 0, 0]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(cuts()).toEqual([1, 0, 1]);
  for (const end of lost) end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(vi.getTimerCount()).toBe(0);
});
