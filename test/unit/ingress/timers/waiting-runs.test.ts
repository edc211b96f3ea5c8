/** How often the keys with runs that wait are walked through. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWaitingRuns } from "../../../../src/ingress/timers/waiting-runs.ts";
import { createLog } from "../../../../src/process/log.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** How many walks begin within a minute, woken each 200 ms, through so many keys without room, of which a page takes so long to read. */
async function walksOf(keys: number, pageMs: number): Promise<number> {
  let walks = 0;
  const query = async (_: unknown, [after]: readonly [string]) => {
    if (after === "") walks += 1;
    const begin = after === "" ? 0 : Number(after) + 1;
    await new Promise((resolve) => setTimeout(resolve, pageMs));
    const page = Array.from({ length: Math.min(100, keys - begin) }, (_each, n) => begin + n);
    const full = { maxOpenRuns: 0, whenFull: 0, waiting: [], open: [] };
    return page.map((definitionId) => ({ definitionId: String(definitionId), key: "k", ...full }));
  };
  const loop = createWaitingRuns({
    database: { read: { query } } as never,
    processor: { submit: () => Promise.reject(new Error("nothing has room")) },
    log: createLog({ level: "error", format: "json", write: () => {} }),
  });
  loop.start();
  for (let n = 0; n < 300; n += 1) {
    loop.wake();
    await vi.advanceTimersByTimeAsync(200);
  }
  const stopped = loop.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  await stopped;
  return walks;
}

test("a few keys are walked through as often as the loop is woken", async () => {
  expect(await walksOf(3, 5)).toBeGreaterThan(250);
});

test("many keys take a fifth of the time at most", async () => {
  // 10 pages of 50 ms: half a second a walk.
  const walks = await walksOf(950, 50);
  expect(walks).toBeLessThanOrEqual(25);
  expect(walks).toBeGreaterThan(15);
});
