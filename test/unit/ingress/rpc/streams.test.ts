/** The times of a stream: when it has something to do, and that many streams do it together. */
import { describe, expect, it } from "vitest";
import { startClock } from "../../../../src/ingress/rpc/streams.ts";

const LIMITS = {
  takenWithinMs: 30_000,
  tokenEveryMs: 10_000,
  signOfLifeMs: 30_000,
  ageMs: 3_600_000,
};
const STREAMS = 1_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

function streamsBegunWithin(ms: number, count = STREAMS, hasToken = false) {
  let now = 12_345.6;
  const checkedAt = new Map<number, number>();
  const requireCaller = async () => {
    checkedAt.set(now, (checkedAt.get(now) ?? 0) + 1);
    return undefined;
  };
  const clocks = Array.from({ length: count }, () => {
    now += ms / count;
    return startClock({ nowMs: () => now, hasToken, requireCaller }, LIMITS);
  });
  const begunMs = now;
  return {
    clocks,
    /** Moments at which streams had something to do, and what each of them did, in a minute. */
    async aMinute() {
      const moments = new Map<number, number>();
      while (now - begunMs < MINUTE_MS) {
        now += Math.min(...clocks.map((clock) => clock.untilNextMs()));
        for (const clock of clocks) {
          await clock.check();
          if (!clock.isSilent()) continue;
          clock.sent({});
          moments.set(now, (moments.get(now) ?? 0) + 1);
        }
      }
      return { moments, checkedAt };
    },
  };
}

describe("the clock of a stream", () => {
  it("gives a sign of life before the stream was silent for too long, and seldom", () => {
    const { clocks } = streamsBegunWithin(0);
    const [ms] = clocks.map((clock) => clock.untilNextMs());
    expect(ms).toBeLessThanOrEqual(LIMITS.signOfLifeMs);
    expect(ms).toBeGreaterThan((LIMITS.signOfLifeMs * 5) / 6);
  });

  it("does what is due of a thousand streams in a few moments", async () => {
    const { moments } = await streamsBegunWithin(LIMITS.signOfLifeMs).aMinute();
    const signs = [...moments.values()].reduce((sum, each) => sum + each, 0);
    expect(signs).toBeGreaterThanOrEqual(2 * STREAMS);
    expect(moments.size).toBeLessThanOrEqual(14);
  });

  it("checks tokens as often as it must, and not those of all streams at once", async () => {
    // After a restart all callers come back within seconds.
    const count = 100;
    const { checkedAt } = await streamsBegunWithin(SECOND_MS, count, true).aMinute();
    const checks = [...checkedAt.values()].reduce((sum, each) => sum + each, 0);
    const once = MINUTE_MS / LIMITS.tokenEveryMs;
    expect(checks / count).toBeGreaterThan(once - 1);
    expect(checks / count).toBeLessThanOrEqual(once * 1.5);
    expect(Math.max(...checkedAt.values())).toBeLessThan(count / 20);
  });
});
