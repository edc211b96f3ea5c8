/** What a round of the publisher sends: what is kept, or what the outbox lists. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { KeptBatches } from "../../../../src/egress/publish/kept-batches.ts";
import { NextBatches, type Unsent } from "../../../../src/egress/publish/next-batches.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import { newRun } from "../../../../src/engine/values/new-run.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { startOf } from "../../../support/services/processor.ts";

const version = { id: "wfv_1", definitionId: "wf_1", version: 1 };
const graph = compileGraph(versionOf([stepOf("only")], []));
const { input: _, ...facts } = startOf(version);
const NOTHING: Unsent = { batches: [], isFull: false };
/** What another replica committed. */
const FOREIGN = 900;

let kept: KeptBatches;
let next: NextBatches;
let lists: Unsent[];
let listed: number;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  kept = new KeptBatches();
  [lists, listed] = [[], 0];
  next = new NextBatches(kept, async () => {
    listed += 1;
    return lists.shift() ?? NOTHING;
  });
});
afterEach(() => void vi.useRealTimers());

/** Keeps a batch with one row of a run; its id is the batch's. */
function keep(id: number, seq = 1): void {
  const run = { ...newRun(graph, { ...facts, id: `wfr_${id}`, versionId: version.id }, 0), seq };
  const history = [{ seq, cause: { kind: "rpc", id: "StartRun" } as const, moves: [] }];
  const more = { graph, history, recordedAt: new Date(0), input: {}, findStep: () => undefined };
  kept.keep([{ id, partition: 0, runs: [{ run, ...more }] }]);
}

/** The ids of the next round, all of which are acknowledged then. */
async function round(): Promise<number[]> {
  const { batches } = await next.take();
  for (const { id } of batches) next.noteSent(id, true);
  return batches.map(({ id }) => id);
}

const listOf = (...ids: number[]) =>
  ids.map((id) => ({ id, partition: 0, changes: null }) as const);

it("is what is kept for 50 ms after a list, then a list", async () => {
  await round();
  keep(1);
  expect(await round()).toEqual([1]);
  expect(listed).toBe(1);
  keep(2);
  vi.advanceTimersByTime(50);
  lists.push({ batches: listOf(2, FOREIGN), isFull: false });
  expect(await round()).toEqual([2, FOREIGN]);
});

it("is a list where a run does not go on, or not all is kept", async () => {
  await round();
  keep(1, 2);
  await round();
  expect(listed).toBe(2);
  kept.clear();
  keep(2);
  next.mustList();
  await round();
  expect(listed).toBe(3);
});

it("is another list at once where one was full of what other replicas committed", async () => {
  lists.push({ batches: listOf(FOREIGN), isFull: true });
  lists.push({ batches: listOf(1, FOREIGN + 1), isFull: false });
  keep(1);
  expect(await round()).toEqual([FOREIGN]);
  expect(await round()).toEqual([1, FOREIGN + 1]);
  keep(2);
  expect(await round()).toEqual([2]);
  expect(listed).toBe(2);
});

it("is what is kept where a list was full of that", async () => {
  lists.push({ batches: listOf(1), isFull: true });
  keep(1);
  await round();
  keep(2);
  expect(await round()).toEqual([2]);
  expect(listed).toBe(1);
});
