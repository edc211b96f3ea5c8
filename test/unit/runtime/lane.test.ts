/** Lanes: batches gather, order is kept, nothing is lost, the bound holds. */
import { describe, expect, it } from "vitest";
import { createLane } from "../../../src/runtime/lane.ts";

/** A lane whose batches end when the test says so. */
function handLane(waitingAtMost = 100, batchAtMost = 10, mayWait = (_: number) => false) {
  const batches: number[][] = [];
  const ends: ((again: number[]) => void)[] = [];
  const starts: (() => void)[] = [];
  const lane = createLane<number>({
    waitingAtMost,
    batchAtMost,
    mayWait,
    work(batch) {
      batches.push(batch);
      starts.shift()?.();
      return new Promise((resolve) => ends.push(resolve));
    },
  });
  return {
    lane,
    batches,
    begun: () => new Promise<void>((resolve) => starts.push(resolve)),
    end: (again: number[] = []) => ends.shift()?.(again),
  };
}

describe("a lane", () => {
  it("takes all that came in one turn as one batch", async () => {
    const { lane, batches, begun, end } = handLane();
    for (const item of [1, 2, 3]) lane.push(item);
    await begun();
    end();
    await lane.drained();
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it("gathers the next batch while one commits, up to its size", async () => {
    const { lane, batches, begun, end } = handLane(100, 3);
    lane.push(0);
    await begun();
    for (const item of [1, 2, 3, 4]) lane.push(item);
    const second = begun();
    end();
    await second;
    const third = begun();
    end();
    await third;
    end();
    await lane.drained();
    expect(batches).toEqual([[0], [1, 2, 3], [4]]);
  });

  it("lets what may wait wait for what may not, and not for long", async () => {
    const { lane, batches, begun, end } = handLane(100, 10, (item) => item < 10);
    lane.push(1);
    await new Promise((resolve) => setImmediate(resolve));
    lane.push(10);
    await begun();
    // A lane that has begun waits for nothing.
    lane.push(2);
    const second = begun();
    end();
    await second;
    end();
    await lane.drained();
    lane.push(3);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toEqual([[1, 10], [2]]);
    const third = begun();
    lane.push(11);
    await third;
    end();
    await lane.drained();
    expect(batches).toEqual([[1, 10], [2], [3, 11]]);
  });

  it("puts retried items before later ones", async () => {
    const { lane, batches, begun, end } = handLane();
    for (const item of [1, 2]) lane.push(item);
    await begun();
    lane.push(3);
    const second = begun();
    end([2]);
    await second;
    end();
    await lane.drained();
    expect(batches).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  it("begins again for an item that comes the moment it ends", async () => {
    const { lane, batches, begun, end } = handLane();
    lane.push(1);
    await begun();
    const second = begun();
    end();
    await Promise.resolve().then(() => lane.push(2));
    await second;
    end();
    await lane.drained();
    expect(batches).toEqual([[1], [2]]);
  });

  it("refuses past its bound and takes again once there is room", async () => {
    const { lane, begun, end } = handLane(2);
    expect([1, 2, 3].map((item) => lane.push(item))).toEqual([true, true, false]);
    await begun();
    expect(lane.push(3)).toBe(true);
    const second = begun();
    end();
    await second;
    end();
    await lane.drained();
  });

  it("backs off before it retries a whole batch", async () => {
    const begunAt: number[] = [];
    const lane = createLane<number>({
      waitingAtMost: 10,
      batchAtMost: 10,
      async work(batch) {
        begunAt.push(performance.now());
        return begunAt.length < 5 ? batch : [];
      },
    });
    lane.push(1);
    await lane.drained();
    const pauses = begunAt.slice(1).map((at, n) => at - (begunAt[n] ?? at));
    // A timer may end a millisecond early, never more.
    for (const [n, pauseMs] of pauses.entries()) expect(pauseMs).toBeGreaterThan(5 * 2 ** n - 2);
    expect(pauses).toHaveLength(4);
  });

  it("begins again for items pushed by the code that awaits the last one", async () => {
    const done: number[] = [];
    let next: () => void = () => {};
    const lane = createLane<number>({
      waitingAtMost: 10,
      batchAtMost: 10,
      async work(batch) {
        done.push(...batch);
        next();
        return [];
      },
    });
    for (let item = 0; item < 50; item++) {
      const worked = new Promise<void>((resolve) => {
        next = resolve;
      });
      lane.push(item);
      await worked;
    }
    expect(done).toHaveLength(50);
  });
});

describe("keys of a lane", () => {
  /** Items are `<key><number>`; batches end at once, but for the first. */
  function keyLane(waitingAtMost: number, batchAtMost: number) {
    const batches: string[][] = [];
    const refused: string[] = [];
    let endFirst: (again: string[]) => void = () => {};
    const lane = createLane<string>({
      waitingAtMost,
      batchAtMost,
      turns: { keyOf: (item) => item.charAt(0), refuse: (item) => refused.push(item) },
      async work(batch) {
        batches.push(batch);
        if (batches.length > 1) return [];
        return new Promise<string[]>((resolve) => {
          endFirst = resolve;
        });
      },
    });
    const push = (key: string, count: number) =>
      Array.from({ length: count }, (_, n) => lane.push(`${key}${n}`)).filter(Boolean).length;
    const begun = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
    return { lane, batches, refused, push, begun, end: (again: string[] = []) => endFirst(again) };
  }

  it("take turns: an item that is alone is in the next batch that forms", async () => {
    const { lane, batches, push, begun, end } = keyLane(10_000, 10);
    push("a", 1);
    await begun();
    push("b", 5_000);
    push("c", 1);
    end();
    await lane.drained();
    expect(batches[1]).toContain("c0");
    expect(batches[1]).toHaveLength(10);
  });

  it("have an equal share of every batch, and keep their order", async () => {
    const { lane, batches, push, begun, end } = keyLane(10_000, 12);
    push("a", 1);
    await begun();
    for (const key of ["b", "c", "d"]) push(key, key === "b" ? 1_000 : 20);
    end();
    await lane.drained();
    for (const batch of batches.slice(1, 6)) {
      const of = (key: string) => batch.filter((item) => item.startsWith(key)).length;
      expect([of("b"), of("c"), of("d")]).toEqual([4, 4, 4]);
    }
    const order = batches.flat().filter((item) => item.startsWith("b"));
    expect(order).toEqual(Array.from({ length: 1_000 }, (_, n) => `b${n}`));
  });

  it("share the places of a full lane, and only the one with too many is refused", async () => {
    const { lane, refused, push, begun, end } = keyLane(30, 10);
    push("a", 1);
    await begun();
    expect(push("b", 50)).toBe(30);
    expect(push("c", 50)).toBe(15);
    expect(push("d", 5)).toBe(5);
    expect(refused.slice(0, 15)).toEqual(Array.from({ length: 15 }, (_, n) => `b${29 - n}`));
    const lost = (key: string) => refused.slice(15).filter((item) => item.startsWith(key)).length;
    // Always the one that has the most.
    expect([lost("b"), lost("c")].sort()).toEqual([2, 3]);
    expect(refused).toHaveLength(20);
    expect(push("b", 1)).toBe(0);
    end();
    await lane.drained();
  });

  it("that are as many as the places of a full lane leave none for another", async () => {
    const { lane, refused, push, begun, end } = keyLane(2, 10);
    push("a", 1);
    await begun();
    expect([push("b", 1), push("c", 1), push("d", 1)]).toEqual([1, 1, 0]);
    expect(refused).toEqual([]);
    end();
    await lane.drained();
  });

  it("that are retried stay before their own later items and leave the others their turn", async () => {
    const { lane, batches, push, begun, end } = keyLane(10_000, 4);
    push("a", 4);
    await begun();
    lane.push("a4");
    lane.push("b0");
    end(["a0", "a1", "a2", "a3"]);
    await lane.drained();
    expect(batches[1]).toContain("b0");
    expect(
      batches
        .slice(1)
        .flat()
        .filter((item) => item !== "b0"),
    ).toEqual(["a0", "a1", "a2", "a3", "a4"]);
  });
});
