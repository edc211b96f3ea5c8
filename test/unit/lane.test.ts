/** Lanes: batches gather, order is kept, nothing is lost or forgotten, the bound holds. */
import { describe, expect, it } from "vitest";
import { createLane } from "../../src/runtime/lane.ts";

/** A lane whose batches end when the test says so. */
function handLane(waitingAtMost = 100, batchAtMost = 10) {
  const batches: number[][] = [];
  const ends: ((again: number[]) => void)[] = [];
  const starts: (() => void)[] = [];
  const lane = createLane<number>({
    waitingAtMost,
    batchAtMost,
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

  it("gathers the next batch while one is under way, up to its size", async () => {
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

  it("brings back what is to come again, before what came later", async () => {
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

  it("begins again for items pushed by whoever awaits the last one", async () => {
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
