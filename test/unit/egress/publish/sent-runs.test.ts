/** Whether what is kept goes on where each run was sent last. */
import { beforeEach, expect, it } from "vitest";
import { SentRuns } from "../../../../src/egress/publish/sent-runs.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import { newRun } from "../../../../src/engine/values/new-run.ts";
import type { RunState } from "../../../../src/engine/values/run.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { startOf } from "../../../support/services/processor.ts";

const graph = compileGraph(versionOf([stepOf("only")], []));
const version = { id: "wfv_1", definitionId: "wf_1", version: 1 };
const { input: _, ...facts } = startOf(version);
const cause = { kind: "rpc", id: "StartRun" } as const;

let sent: SentRuns;
beforeEach(() => {
  sent = new SentRuns();
});

/** The rows of a run in one batch. */
function rowsOf(id: string, seqs: readonly number[], state: RunState = "RUNNING") {
  const run = { ...newRun(graph, { ...facts, id, versionId: version.id }, 0), state };
  const recordedAt = new Date(0);
  return {
    run,
    rows: seqs.map((seq) => ({ runId: id, seq, batchId: seq, recordedAt, cause, moves: [] })),
  };
}

it("a new run goes on with its first row, another one only behind what was sent", () => {
  expect(sent.goOnWith([[rowsOf("wfr_1", [1, 2])]])).toBe(true);
  expect(sent.goOnWith([[rowsOf("wfr_1", [2])]])).toBe(false);
  sent.note([rowsOf("wfr_1", [1, 2])]);
  expect(sent.goOnWith([[rowsOf("wfr_1", [3])]])).toBe(true);
  expect(sent.goOnWith([[rowsOf("wfr_1", [4])]])).toBe(false);
  expect(sent.goOnWith([[rowsOf("wfr_1", [2])]])).toBe(false);
});

it("several batches of a run are compared with each other", () => {
  sent.note([rowsOf("wfr_1", [1])]);
  expect(sent.goOnWith([[rowsOf("wfr_1", [2])], [rowsOf("wfr_1", [3])]])).toBe(true);
  expect(sent.goOnWith([[rowsOf("wfr_1", [2])], [rowsOf("wfr_1", [4])]])).toBe(false);
});

it("one run that does not go on is enough", () => {
  expect(sent.goOnWith([[rowsOf("wfr_1", [1]), rowsOf("wfr_2", [5])]])).toBe(false);
});

it("nothing is known after a clear, of a run that has ended, and of the oldest of too many", () => {
  sent.note([rowsOf("wfr_1", [1])]);
  sent.clear();
  expect(sent.goOnWith([[rowsOf("wfr_1", [2])]])).toBe(false);
  sent.note([rowsOf("wfr_1", [2], "COMPLETED")]);
  expect(sent.goOnWith([[rowsOf("wfr_1", [3])]])).toBe(false);
  for (let n = 0; n <= 10_000; n += 1) sent.note([rowsOf(`wfr_n${n}`, [1])]);
  expect(sent.goOnWith([[rowsOf("wfr_n0", [2])]])).toBe(false);
  expect(sent.goOnWith([[rowsOf("wfr_n1", [2])]])).toBe(true);
});
