/** Which slot of a schedule is fired: by what was missed, what is open, and when it ends. */
import { describe, expect, test } from "vitest";
import { readCronLine } from "../../../src/engine/values/cron.ts";
import {
  type DueSlot,
  decideSlot,
  delayOf,
  OVERLAPS,
  slotsBetween,
} from "../../../src/runtime/schedule-slots.ts";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 0, 5, 12);

function lineOf(text: string) {
  const read = readCronLine(text);
  if (!read.ok) throw new Error(read.problem);
  return read.line;
}

function dueOf(more: Partial<DueSlot> = {}): DueSlot {
  return {
    ...{ line: lineOf("@hourly"), anchorMs: 0, toMs: Number.POSITIVE_INFINITY, slotMs: NOON },
    ...{ delayMs: 0, overlap: "allow", catchUpMs: undefined, isOpen: false },
    ...more,
  };
}

describe("a schedule that is due", () => {
  test("starts its slot, and goes on with the next", () => {
    expect(decideSlot(dueOf(), NOON + 500)).toEqual({
      ...{ kind: "start", slotMs: NOON, nextMs: NOON + HOUR, cancels: false },
    });
  });

  test("starts the latest of those that were missed", () => {
    expect(decideSlot(dueOf(), NOON + 5 * HOUR + 1)).toMatchObject({
      ...{ kind: "start", slotMs: NOON + 5 * HOUR, nextMs: NOON + 6 * HOUR },
    });
  });

  test("starts none that is older than what is caught up", () => {
    const due = dueOf({ line: lineOf("@daily"), slotMs: NOON - 12 * HOUR, catchUpMs: 6 * HOUR });
    const nextMs = NOON + 12 * HOUR;
    expect(decideSlot(due, NOON - 6 * HOUR)).toMatchObject({ kind: "start", nextMs });
    expect(decideSlot(due, NOON - 6 * HOUR + 1)).toMatchObject({ kind: "skip", nextMs });
  });

  test("has no slot at or after its end", () => {
    const due = dueOf({ toMs: NOON + 2 * HOUR });
    expect(decideSlot(due, NOON + 9 * HOUR)).toMatchObject({
      ...{ kind: "start", slotMs: NOON + HOUR, nextMs: undefined },
    });
  });

  test("that is delayed starts a slot once its delay is over", () => {
    const due = dueOf({ delayMs: 60_000 });
    expect(decideSlot(due, NOON + HOUR + 59_999)).toMatchObject({ slotMs: NOON });
    expect(decideSlot(due, NOON + HOUR + 60_000)).toMatchObject({ slotMs: NOON + HOUR });
  });
});

describe("while a run of an earlier slot is open", () => {
  test.each([
    ["allow", { kind: "start", slotMs: NOON + 2 * HOUR, cancels: false }],
    ["skip", { kind: "skip", slotMs: NOON + 2 * HOUR }],
    ["buffer_one", { kind: "wait" }],
    ["buffer_all", { kind: "wait" }],
    ["cancel_other", { kind: "start", slotMs: NOON + 2 * HOUR, cancels: true }],
  ] as const)("%s", (overlap, decided) => {
    const due = dueOf({ overlap, isOpen: true });
    expect(decideSlot(due, NOON + 2 * HOUR)).toMatchObject(decided);
  });

  test("each rule is known", () => {
    expect([...OVERLAPS]).toEqual(["allow", "skip", "buffer_one", "buffer_all", "cancel_other"]);
  });
});

describe("once the run has ended", () => {
  test("a buffer of one starts the latest slot, and a buffer of all the first", () => {
    const at = NOON + 2 * HOUR;
    const one = { kind: "start", slotMs: at, nextMs: at + HOUR };
    expect(decideSlot(dueOf({ overlap: "buffer_one" }), at)).toMatchObject(one);
    const all = { kind: "start", slotMs: NOON, nextMs: NOON + HOUR };
    expect(decideSlot(dueOf({ overlap: "buffer_all" }), at)).toMatchObject(all);
  });

  test("a buffer of all goes back a day, unless it is said how far", () => {
    const at = NOON + 100 * HOUR;
    const day = decideSlot(dueOf({ overlap: "buffer_all" }), at);
    expect(day).toMatchObject({ kind: "start", slotMs: at - 24 * HOUR });
    const hours = decideSlot(dueOf({ overlap: "buffer_all", catchUpMs: 2.5 * HOUR }), at);
    expect(hours).toMatchObject({ kind: "start", slotMs: at - 2 * HOUR, nextMs: at - HOUR });
  });
});

test("slots between two times have the first one and not the last", () => {
  const times = { line: lineOf("@hourly"), anchorMs: 0, toMs: Number.POSITIVE_INFINITY };
  expect(slotsBetween(times, NOON, NOON + 2 * HOUR, 10)).toEqual([NOON, NOON + HOUR]);
  expect(slotsBetween(times, NOON, NOON + 99 * HOUR, 3)).toHaveLength(3);
});

test("a delay is one of the schedule's own, below its jitter", () => {
  const delays = Array.from({ length: 100 }, (_, n) => delayOf(`wsc_${n}`, 60));
  expect(Math.max(...delays)).toBeLessThan(60_000);
  expect(new Set(delays).size).toBeGreaterThan(90);
  expect(delayOf("wsc_1", 60)).toBe(delays[1]);
  expect(delayOf("wsc_1", 0)).toBe(0);
});
