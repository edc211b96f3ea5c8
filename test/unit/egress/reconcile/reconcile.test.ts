/** When the reconciler reads again after a lap; what a lap does is test/integration/egress/reconcile. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createReconciler } from "../../../../src/egress/reconcile/reconcile.ts";
import { createLog } from "../../../../src/process/log.ts";

const INTERVAL_MS = 8_000;
const READ_MS = 1_000;
/** Four times what the read took. */
const REST_MS = 4_000;
/** Of a round: an eighth of the interval, by chance up to a quarter longer. */
const LONGEST_PAUSE_MS = 1_250;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("rests after a lap whose read failed, for four times what the read took", async () => {
  const readAtMs: number[] = [];
  // Postgres fails each read after a while.
  const query = () => {
    readAtMs.push(performance.now());
    return new Promise((_, reject) => {
      setTimeout(() => reject(new Error("statement timeout")), READ_MS);
    });
  };
  const reconciler = createReconciler({
    database: { read: { query } } as never,
    processor: { submit: () => Promise.reject(new Error("nothing is submitted")) },
    clients: { find: () => undefined },
    log: createLog({ level: "error", format: "json", write: () => {} }),
    intervalMs: INTERVAL_MS,
  });
  reconciler.start();
  await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS);
  const rests = readAtMs.slice(1).map((at, n) => at - (readAtMs[n] ?? 0) - READ_MS);
  expect(rests.length).toBeGreaterThan(10);
  expect(Math.min(...rests)).toBeGreaterThanOrEqual(REST_MS);
  expect(Math.max(...rests)).toBeLessThanOrEqual(REST_MS + LONGEST_PAUSE_MS);
  const stopped = reconciler.stop();
  await vi.advanceTimersByTimeAsync(READ_MS);
  await stopped;
});

/** Reads of a reconciler that finds one page, without steps to check; `moreInMs` as the page says, by the fake clock. */
async function readsOf(moreInMs: () => number | null): Promise<number[]> {
  const readAtMs: number[] = [];
  const query = async () => {
    readAtMs.push(performance.now());
    const place = { versionId: "wfv_1", lastRunId: "wfr_1", isLast: true, moreInMs: moreInMs() };
    return [{ ...place, runId: null, stepIndex: null }];
  };
  const reconciler = createReconciler({
    database: { read: { query } } as never,
    processor: { submit: () => Promise.reject(new Error("nothing is submitted")) },
    clients: { find: () => undefined },
    log: createLog({ level: "error", format: "json", write: () => {} }),
    intervalMs: INTERVAL_MS,
  });
  reconciler.start();
  await vi.advanceTimersByTimeAsync(20 * INTERVAL_MS);
  await reconciler.stop();
  return readAtMs;
}

it("looks for steps every five eighths of the interval while none can be unreported before", async () => {
  const readAtMs = await readsOf(() => null);
  const pauses = readAtMs.slice(1).map((at, n) => at - (readAtMs[n] ?? 0));
  expect(pauses.length).toBeGreaterThan(20);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual((INTERVAL_MS * 5) / 8);
  expect(Math.max(...pauses)).toBeLessThanOrEqual((INTERVAL_MS * 5) / 8 + LONGEST_PAUSE_MS);
});

it("looks in the first round after a step that it saw has become unreported", async () => {
  const dueAtMs = 30_500;
  const readAtMs = await readsOf(() => {
    const inMs = dueAtMs - performance.now();
    return inMs > 0 ? inMs : null;
  });
  const first = readAtMs.find((at) => at >= dueAtMs) ?? Number.NaN;
  expect(first).toBeLessThanOrEqual(dueAtMs + LONGEST_PAUSE_MS);
});
