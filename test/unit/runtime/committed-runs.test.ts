/** What a replica keeps of runs is bounded: in bytes a run, in all, in one commit, and in time. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import { newRun } from "../../../src/engine/values/new-run.ts";
import { CommittedRuns } from "../../../src/runtime/committed-runs.ts";
import { type FoldedRun, foldRun } from "../../../src/runtime/fold-run.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { startOf } from "../../support/services/processor.ts";

const KIB = 1024;
const version = { id: "wfv_1", definitionId: "wf_1", version: 1 };
const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
const ONE_STEP = compileGraph(versionOf([task("only")], []));
const TRANSACTION = String(2n ** 32n + 7n);

let committed: CommittedRuns;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  committed = new CommittedRuns();
});
afterEach(() => void vi.useRealTimers());

/** A run that begins with an input of about so many bytes. */
function begun(id: string, inputBytes = 0, graph = ONE_STEP): FoldedRun {
  const { input: _, ...facts } = startOf(version);
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const work = {
    ...{ graph, run: newRun(graph, { ...facts, id, versionId: version.id }, 0) },
    ...{ rowVersion: undefined, input: { text: "x".repeat(inputBytes) } },
    ...{ steps: new Map(), stepVersions: new Map(), children: { rows: [], sets: [] } },
    ...{ merged: new Map(), chosen: new Map() },
    inputs: [{ place: 0, input: { kind: "run_begun", cause } as const }],
  };
  const folded = foldRun(work, { choose: () => undefined }, 0, { run: Number.POSITIVE_INFINITY });
  if (!("draft" in folded)) throw folded;
  return folded;
}

const wide = (steps: number) =>
  compileGraph(
    versionOf(
      idsOf(steps).map((id) => task(id)),
      [],
    ),
  );
const keptOf = (ids: readonly string[]) => ids.filter((id) => committed.find(id) !== undefined);
const idsOf = (count: number) => Array.from({ length: count }, (_, n) => `wfr_${n}`);

it("the version of what a transaction wrote, as the database shows it", () => {
  committed.keep([begun("wfr_0")], TRANSACTION);
  expect(committed.find("wfr_0")).toMatchObject({ rowVersion: "7" });
  expect([...(committed.find("wfr_0")?.stepVersions ?? [])]).toEqual([[0, "7"]]);
});

it("no payload over 32 KiB: it is read when it is needed", () => {
  committed.keep([begun("wfr_0", 31 * KIB), begun("wfr_1", 33 * KIB)], TRANSACTION);
  expect(committed.find("wfr_0")?.input).toBeDefined();
  expect(committed.find("wfr_1")).toMatchObject({ input: undefined });
});

it("of one commit, runs until their payloads are 128 KiB", () => {
  const ids = idsOf(40);
  committed.keep(
    ids.map((id) => begun(id, 10 * KIB)),
    TRANSACTION,
  );
  expect(keptOf(ids)).toEqual(ids.slice(0, 13));
});

it("of one commit, runs of many steps without payloads, until the rows themselves take long to copy", () => {
  const ids = idsOf(40);
  committed.keep(
    ids.map((id) => begun(id, 0, wide(100))),
    TRANSACTION,
  );
  expect(keptOf(ids)).toEqual(ids);
  expect(committed.find("wfr_39")?.steps.size).toBe(100);
  committed = new CommittedRuns();
  committed.keep(
    ids.map((id) => begun(id, 0, wide(800))),
    TRANSACTION,
  );
  expect(keptOf(ids)).toEqual(ids.slice(0, 8));
});

it("no run of more than 512 KiB", () => {
  committed.keep([begun("wfr_small", 0, wide(800))], TRANSACTION);
  committed.keep([begun("wfr_large", 0, wide(900))], TRANSACTION);
  expect(keptOf(["wfr_small", "wfr_large"])).toEqual(["wfr_small"]);
});

it("5 MiB in all: those that were kept longest ago go", () => {
  const ids = idsOf(300);
  for (const id of ids) committed.keep([begun(id, 30 * KIB)], TRANSACTION);
  const kept = keptOf(ids);
  expect(kept).toEqual(ids.slice(-kept.length));
  expect(kept.length).toBeGreaterThan(155);
  expect(kept.length).toBeLessThan(171);
});

it("5 MiB in all of what ResumeWith changes, too", () => {
  const ids = idsOf(300);
  for (const id of ids) {
    const folded = begun(id);
    folded.draft.run.inputPatches = { 0: { text: "x".repeat(60 * KIB) } };
    committed.keep([folded], TRANSACTION);
  }
  expect(keptOf(ids).length).toBeGreaterThan(70);
  expect(keptOf(ids).length).toBeLessThan(86);
});

it("nothing for longer than a minute", () => {
  committed.keep([begun("wfr_0")], TRANSACTION);
  vi.advanceTimersByTime(59_000);
  expect(keptOf(["wfr_0"])).toEqual(["wfr_0"]);
  vi.advanceTimersByTime(2_000);
  expect(keptOf(["wfr_0"])).toEqual([]);
});
