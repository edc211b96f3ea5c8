/** What the moves of a run count. */
import { expect, it } from "vitest";
import {
  CountedMoves,
  type RunToCount,
  reopenedAt,
} from "../../../../src/egress/publish/counted-moves.ts";
import type { Move } from "../../../../src/engine/values/move.ts";
import type { RunState, StepState } from "../../../../src/engine/values/run.ts";
import { COUNTER_KINDS, durationClass } from "../../../../src/store/run-counts.ts";

const DAY = 20_000;
const BEGAN_MS = DAY * 86_400_000 + 1_000;
const GRAPH = { steps: [{ def: { id: "pay" } }, { def: { id: "tell" } }] } as never;
const RUN = { id: "wfr_1", definitionId: "wf_1", createdAtMs: BEGAN_MS, startedAtMs: BEGAN_MS };

const ofRun = (from: RunState, to: RunState, more: object = {}): Move => ({
  ...{ of: "run", from, to },
  ...more,
});
const ofStep = (step: number, to: StepState): Move => ({ of: "step", step, from: "RUNNING", to });
const row = (seq: number, moves: readonly Move[], afterMs = 0) => ({
  ...{ seq, batchId: seq, recordedAt: new Date(BEGAN_MS + afterMs), moves },
});
const toCount = (rows: RunToCount["rows"]): RunToCount => ({ run: RUN, graph: GRAPH, rows });

/** Kind, day, name and runs of what each batch counts. */
function counted(rows: RunToCount["rows"], ends: Parameters<CountedMoves["add"]>[1] = []) {
  const counts = new CountedMoves();
  counts.add(toCount(rows), ends);
  return rows.map(({ batchId }) =>
    counts.of(batchId).map(({ kind, day, name, runs }) => [kind, day - DAY, name, runs]),
  );
}

const { started, ended, duration, failedStep } = COUNTER_KINDS;
const SECOND = String(durationClass(1_000));

it("a start and an end, each on its own day", () => {
  const dayLater = 86_400_000;
  const classOf = String(durationClass(dayLater));
  expect(
    counted([
      row(1, [ofRun("PENDING", "RUNNING")]),
      row(2, [ofStep(0, "COMPLETED")], 500),
      row(3, [ofRun("RUNNING", "COMPLETED", { total: 2 })], dayLater),
    ]),
  ).toEqual([
    [[started, 0, "", 1]],
    [],
    [
      [ended, 1, "SUCCEEDED", 1],
      [duration, 1, classOf, 1],
    ],
  ]);
});

it("cost and duration at the end, and when it was", () => {
  const counts = new CountedMoves();
  counts.add(toCount([row(5, [ofRun("RUNNING", "COMPLETED", { total: 2.5 })], 1_000)]), []);
  expect(counts.of(5)[0]).toMatchObject({
    ...{ costUsd: 2.5, durationMs: 1_000, lastAtMs: BEGAN_MS + 1_000 },
  });
});

it.each([
  ["FAILED", ofRun("RUNNING", "FAILED")],
  ["TIMED_OUT", ofRun("RUNNING", "FAILED", { reason: "deadline" })],
  ["CANCELLED", ofRun("RUNNING", "CANCELLED")],
  ["COMPENSATED", ofRun("COMPENSATING", "FAILED", { op: "compensated" })],
  ["COMPENSATION_FAILED", ofRun("COMPENSATING", "FAILED", { op: "failed" })],
])("an end as %s", (outcome, move) => {
  expect(counted([row(4, [move], 1_000)])).toEqual([
    [
      [ended, 0, outcome, 1],
      [duration, 0, SECOND, 1],
    ],
  ]);
});

it("the step whose failure ends the run or has it compensated, and no other", () => {
  const failing = (to: RunState, more = {}) =>
    counted([row(2, [ofStep(1, "FAILED"), ofRun("RUNNING", to, more)], 1_000)])
      .flat()
      .filter(([kind]) => kind === failedStep);
  expect(failing("FAILED")).toEqual([[failedStep, 0, "tell", 1]]);
  expect(failing("COMPENSATING")).toEqual([[failedStep, 0, "tell", 1]]);
  expect(failing("FAILED", { reason: "deadline" })).toEqual([]);
  expect(failing("COMPLETED")).toEqual([]);
});

it("nothing of a note without a change of state", () => {
  expect(counted([row(7, [ofRun("FAILED", "FAILED", { reason: "late" })])])).toEqual([[]]);
});

it("takes back the end of a run that is opened again, from its own day", () => {
  const opened = row(9, [ofRun("FAILED", "COMPENSATING", { total: 3 })], 2 * 86_400_000);
  expect(reopenedAt(toCount([opened]))).toEqual([{ runId: RUN.id, seq: 9 }]);
  const cause = { kind: "engine", id: "" } as const;
  const moves = [ofRun("RUNNING", "FAILED", { total: 3 })];
  const end = { runId: RUN.id, seq: 9, recordedAt: new Date(BEGAN_MS + 1_000), cause, moves };
  expect(counted([opened], [end])).toEqual([
    [
      [ended, 0, "FAILED", -1],
      [duration, 0, SECOND, -1],
    ],
  ]);
});
