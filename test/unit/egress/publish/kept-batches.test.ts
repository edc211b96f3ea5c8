/** What the publisher keeps of commits is bounded: in number, in bytes, in time and to its own partitions. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { KeptBatches } from "../../../../src/egress/publish/kept-batches.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import { newRun } from "../../../../src/engine/values/new-run.ts";
import type { WrittenRun } from "../../../../src/runtime/written-runs.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { startOf } from "../../../support/services/processor.ts";

const KIB = 1024;
const version = { id: "wfv_1", definitionId: "wf_1", version: 1 };
const graph = compileGraph(versionOf([stepOf("only")], []));

let kept: KeptBatches;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  kept = new KeptBatches();
});
afterEach(() => void vi.useRealTimers());

/** A run that was started with an input of about so many bytes. */
function started(inputBytes = 0): WrittenRun {
  const { input: _, ...facts } = startOf(version);
  const run = newRun(graph, { ...facts, id: "wfr_1", versionId: version.id }, 0);
  const move = { of: "run", from: "PENDING", to: "RUNNING", op: "started" } as const;
  return {
    run: { ...run, seq: 1, state: "RUNNING" },
    graph,
    history: [{ seq: 1, cause: { kind: "rpc", id: "StartRun" }, moves: [move] }],
    recordedAt: new Date(0),
    input: { text: "x".repeat(inputBytes) },
    findStep: () => undefined,
  };
}

const keep = (id: number, partition = 0, run = started()) =>
  kept.keep([{ id, partition, runs: [run] }]);
const keptIds = (ids: number) =>
  Array.from({ length: ids }, (_, id) => id).filter((id) => kept.find(id) !== undefined);

it("no more batches than there is room for; room is made by what is published", () => {
  for (let id = 0; id < 600; id += 1) keep(id);
  expect(keptIds(600)).toHaveLength(512);
  kept.forget(3);
  keep(599);
  expect(kept.find(599)).toBeDefined();
});

it("no more bytes", () => {
  for (let id = 0; id < 400; id += 1) keep(id, 0, started(30 * KIB));
  const { length } = keptIds(400);
  expect(length).toBeGreaterThan(245);
  expect(length).toBeLessThan(270);
  kept.clear();
  keep(0, 0, started(30 * KIB));
  expect(keptIds(400)).toEqual([0]);
});

it("as many runs of a hundred steps as are in flight at once", () => {
  const move = { of: "step", step: 0, from: "PENDING", to: "RUNNING", op: "started" } as const;
  const moves = Array.from({ length: 200 }, () => move);
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const run = { ...started(), history: [{ seq: 1, cause, moves }] };
  for (let id = 0; id < 300; id += 1) keep(id, 0, run);
  const { length } = keptIds(300);
  expect(length).toBeGreaterThan(190);
  expect(length).toBeLessThan(215);
});

it("no payload over 32 KiB", () => {
  keep(1, 0, started(30 * KIB));
  keep(2, 0, started(33 * KIB));
  expect(kept.find(1)?.[0]?.input).toBeDefined();
  expect(kept.find(2)?.[0]).toMatchObject({ input: undefined });
});

it("of one commit, batches until their payloads are 128 KiB, each whole or not at all", () => {
  const batches = Array.from({ length: 8 }, (_, id) => ({
    ...{ id, partition: id, runs: [started(20 * KIB), started(20 * KIB)] },
  }));
  kept.keep(batches);
  expect(keptIds(8)).toEqual([0, 1, 2]);
});

it("nothing of other partitions, and nothing old", () => {
  keep(1, 0);
  keep(2, 1);
  kept.sweep([1]);
  expect(keptIds(3)).toEqual([2]);
  vi.advanceTimersByTime(4_000);
  keep(1, 1);
  vi.advanceTimersByTime(2_000);
  kept.sweep([1]);
  expect(keptIds(3)).toEqual([1]);
});

it("nothing of a batch without runs", () => {
  kept.keep([{ id: 1, partition: 0, runs: [] }]);
  expect(kept.find(1)).toBeUndefined();
});
