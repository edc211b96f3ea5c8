/** Which workers serve a queue, by their heartbeats. */
import { expect, test } from "vitest";
import { WorkersSeen } from "../../../src/runtime/workers-seen.ts";

const MAIL = { workspaceId: "ws_a", queue: "mail" };
const beat = (worker: string, concurrency = 1) => ({ worker, running: 0, concurrency });

function atTime() {
  const clock = { nowMs: 0 };
  return { clock, seen: new WorkersSeen(() => clock.nowMs) };
}

test("a worker that was silent for 10 s is gone", () => {
  const { clock, seen } = atTime();
  seen.note(MAIL, beat("w1"));
  clock.nowMs = 9_999;
  expect(seen.of(MAIL)).toHaveLength(1);
  clock.nowMs = 10_000;
  expect(seen.of(MAIL)).toEqual([]);
});

test("what a worker said last counts", () => {
  const { seen } = atTime();
  seen.note(MAIL, beat("w1", 3));
  seen.note(MAIL, beat("w1", 5));
  expect(seen.of(MAIL)).toMatchObject([{ worker: "w1", concurrency: 5 }]);
  expect(seen.of({ ...MAIL, workspaceId: "ws_b" })).toEqual([]);
});

test("a workspace with many workers hides none of another, and gets its places back", () => {
  const { clock, seen } = atTime();
  for (let n = 0; n < 1_500; n++) seen.note({ ...MAIL, queue: `q${n % 7}` }, beat(`w${n}`));
  const kept = [0, 1, 2, 3, 4, 5, 6].flatMap((n) => seen.of({ ...MAIL, queue: `q${n}` }));
  expect(kept).toHaveLength(1_000);
  seen.note({ workspaceId: "ws_b", queue: "mail" }, beat("w1"));
  expect(seen.of({ workspaceId: "ws_b", queue: "mail" })).toHaveLength(1);
  clock.nowMs = 11_000;
  for (let n = 0; n < 1_000; n++) seen.note(MAIL, beat(`new${n}`));
  expect(seen.of(MAIL)).toHaveLength(1_000);
});

test("the worker that was heard last of a queue is remembered, also after it is gone", () => {
  const { clock, seen } = atTime();
  expect(seen.lastOf(MAIL)).toBeUndefined();
  seen.note(MAIL, beat("w1"));
  clock.nowMs = 2_000;
  seen.note(MAIL, { ...beat("w2"), running: 3 });
  clock.nowMs = 20_000;
  // A heartbeat of another queue drops those that are gone.
  seen.note({ ...MAIL, queue: "other" }, beat("w3"));
  expect(seen.of(MAIL)).toEqual([]);
  expect(seen.lastOf(MAIL)).toEqual({ worker: "w2", running: 3, concurrency: 1, silentMs: 18_000 });
});

test("a list has the workers of a workspace, or of every one, without those that are gone", () => {
  const { clock, seen } = atTime();
  seen.note(MAIL, beat("gone"));
  clock.nowMs = 5_000;
  seen.note({ ...MAIL, queue: "other" }, beat("w2"));
  seen.note({ workspaceId: "ws_b", queue: "mail" }, beat("w3"));
  clock.nowMs = 10_000;
  const w2 = { ...beat("w2"), workspaceId: "ws_a", queue: "other", silentMs: 5_000 };
  expect(seen.list("ws_a")).toEqual([w2]);
  expect(seen.list("").map(({ worker }) => worker)).toEqual(["w2", "w3"]);
});
