/** By which time batches are folded that read nothing, and when they are not. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { MemoryTrust } from "../../../src/runtime/memory-trust.ts";

const AT = 1_700_000_000_000;
let memory: MemoryTrust;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  memory = new MemoryTrust();
});
afterEach(() => {
  vi.useRealTimers();
});

it("knows no time before the database has answered, nor long after", () => {
  expect(memory.nowMs()).toBeUndefined();
  memory.noteClock(AT);
  expect(memory.nowMs()).toBe(AT);
  vi.advanceTimersByTime(9_999);
  expect(memory.nowMs()).toBe(AT + 9_999);
  vi.advanceTimersByTime(1);
  expect(memory.nowMs()).toBeUndefined();
});

it("goes by the quickest answer of the last seconds, and not back when an answer is slow", () => {
  memory.noteClock(AT);
  vi.advanceTimersByTime(100);
  memory.noteClock(AT + 60);
  expect(memory.nowMs()).toBe(AT + 100);
  vi.advanceTimersByTime(100);
  memory.noteClock(AT + 203);
  expect(memory.nowMs()).toBe(AT + 203);
  vi.advanceTimersByTime(9_900);
  // The next seconds begin with a slow answer; those before still count.
  memory.noteClock(AT + 10_080);
  expect(memory.nowMs()).toBe(AT + 10_103);
  vi.advanceTimersByTime(10_000);
  memory.noteClock(AT + 20_090);
  vi.advanceTimersByTime(1);
  expect(memory.nowMs()).toBeGreaterThanOrEqual(AT + 10_104);
});

it("follows a clock that was set back", () => {
  memory.noteClock(AT);
  expect(memory.nowMs()).toBe(AT);
  vi.advanceTimersByTime(20_000);
  memory.noteClock(AT - 3_600_000);
  expect(memory.nowMs()).toBe(AT - 3_600_000);
});

it("follows a clock that was set back at once, and takes an answer after seconds for no more than that", () => {
  memory.noteClock(AT);
  memory.noteClock(AT - 3_600_000);
  expect(memory.nowMs()).toBe(AT - 3_600_000);
  vi.advanceTimersByTime(5_000);
  memory.noteClock(AT - 3_600_000 + 2_000);
  memory.noteClock(AT - 3_600_000 + 5_000);
  expect(memory.nowMs()).toBe(AT - 3_600_000 + 5_000);
});

it("gives no time for a second after something was not as it was kept", () => {
  memory.noteClock(AT);
  memory.noteStale();
  vi.advanceTimersByTime(999);
  expect(memory.nowMs()).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(memory.nowMs()).toBe(AT + 1_000);
});
