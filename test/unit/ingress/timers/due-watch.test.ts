/** When the table is asked for what falls due next, and when what fires it is woken. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type DueWatch, startDueWatch } from "../../../../src/ingress/timers/due-watch.ts";
import { createLog } from "../../../../src/process/log.ts";

/** When something falls due, by the fake clock; undefined: never. */
let dueAtMs: { timers?: number; schedules?: number; runs?: number };
let lookedAtMs: number[];
let wokenAtMs: Record<"timers" | "schedules" | "runs", number[]>;
let watch: DueWatch | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  dueAtMs = {};
  lookedAtMs = [];
  wokenAtMs = { timers: [], schedules: [], runs: [] };
});
afterEach(async () => {
  await watch?.stop();
  vi.useRealTimers();
});

function start(): DueWatch {
  const query = async (_: unknown, [horizonMs]: [number]) => {
    const nowMs = performance.now();
    lookedAtMs.push(nowMs);
    const inMs = (atMs: number | undefined) =>
      atMs === undefined || atMs - nowMs > horizonMs ? null : atMs - nowMs;
    const { timers, schedules, runs } = dueAtMs;
    return [{ timers: inMs(timers), schedules: inMs(schedules), runs: inMs(runs) }];
  };
  const kindOf = (kind: keyof typeof wokenAtMs, everyMs: number) => ({
    ...{ kind, everyMs },
    loop: { wake: () => void wokenAtMs[kind].push(performance.now()) },
  });
  watch = startDueWatch(
    {
      database: { read: { query } } as never,
      log: createLog({ level: "error", format: "json", write: () => {} }),
    },
    [kindOf("timers", 200), kindOf("schedules", 500), kindOf("runs", 1_000)],
  );
  return watch;
}

it("looks once a second while nothing falls due", async () => {
  start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lookedAtMs.length).toBeGreaterThan(57);
  expect(lookedAtMs.length).toBeLessThan(63);
  expect(Object.values(wokenAtMs).flat()).toEqual([]);
});

it("wakes what fires a kind when it falls due, never before, and no other kind", async () => {
  start();
  await vi.advanceTimersByTimeAsync(300);
  // Another replica sets it: there is no notice.
  const atMs = performance.now() + 1_400.3;
  dueAtMs = { schedules: atMs };
  await vi.advanceTimersByTimeAsync(1_450);
  expect(wokenAtMs).toMatchObject({ timers: [], schedules: { length: 1 }, runs: [] });
  const [woken = 0] = wokenAtMs.schedules;
  expect(woken).toBeGreaterThanOrEqual(atMs);
  expect(woken).toBeLessThan(atMs + 3);
});

it("looks at the time of a notice, also when a later one follows", async () => {
  const { notice } = start();
  await vi.advanceTimersByTimeAsync(150);
  const atMs = performance.now() + 30;
  dueAtMs = { timers: atMs };
  notice(30);
  notice(400);
  await vi.advanceTimersByTimeAsync(32);
  expect(wokenAtMs.timers).toHaveLength(1);
  expect(wokenAtMs.timers[0]).toBeGreaterThanOrEqual(atMs);
});

it("shares a look among notices that come one after another", async () => {
  const { notice } = start();
  for (let ms = 0; ms < 2_000; ms += 1) {
    notice(0);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(lookedAtMs.length).toBeGreaterThan(15);
  expect(lookedAtMs.length).toBeLessThan(22);
});

it("wakes for what stays due no more often than its kind says", async () => {
  start();
  dueAtMs = { timers: 0, schedules: 0, runs: 0 };
  await vi.advanceTimersByTimeAsync(10_000);
  const times = Object.entries(wokenAtMs).map(([kind, { length }]) => [kind, length] as const);
  for (const [kind, everyMs] of [
    ["timers", 200],
    ["schedules", 500],
    ["runs", 1_000],
  ] as const) {
    const woken = new Map(times).get(kind) ?? 0;
    expect(woken).toBeGreaterThan((10_000 / everyMs) * 0.8);
    expect(woken).toBeLessThanOrEqual(10_000 / everyMs + 1);
  }
});
