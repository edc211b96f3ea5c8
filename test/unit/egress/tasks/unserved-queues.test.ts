/** Which queues are said to have tasks and no worker, and when. */
import { expect, it } from "vitest";
import { UnservedQueues } from "../../../../src/egress/tasks/unserved-queues.ts";

function watched() {
  let nowMs = 5_000;
  const queues = new UnservedQueues(undefined, () => nowMs);
  return {
    /** A look after so many ms; the queues that have tasks, by how many workers they have. */
    look(afterMs: number, workers: Readonly<Record<string, number>>): string[] {
      nowMs += afterMs;
      const looks = Object.entries(workers).map(
        ([name, count]) => [name, { workers: count }] as const,
      );
      return queues.judge(new Map(looks));
    },
  };
}

it("says a queue that had no worker for 60 s, once", () => {
  const { look } = watched();
  expect(look(0, { a: 0, b: 1 })).toEqual([]);
  expect(look(59_999, { a: 0, b: 1 })).toEqual([]);
  expect(look(1, { a: 0, b: 1 })).toEqual(["a"]);
  expect(look(3_600_000, { a: 0, b: 1 })).toEqual([]);
});

it("counts anew when a worker came, or the tasks had gone", () => {
  const { look } = watched();
  look(0, { a: 0, b: 0 });
  look(30_000, { a: 1 });
  look(0, { a: 0, b: 0 });
  expect(look(59_999, { a: 0, b: 0 })).toEqual([]);
  expect(look(1, { a: 0, b: 0 })).toEqual(["a", "b"]);
  expect(look(0, { a: 1, b: 0 })).toEqual([]);
  look(0, { a: 0, b: 0 });
  expect(look(60_000, { a: 0, b: 0 })).toEqual(["a"]);
});
