/** Steps that repeat their child run: rounds, what ends them, and what undoes them. */
import { describe, expect, it } from "vitest";
import { replayHistory } from "../../../src/engine/replay.ts";
import { MAX_ROUNDS } from "../../../src/engine/values/child-run.ts";
import {
  calling,
  childReports,
  compensate,
  open,
  started,
} from "../../support/engine/engine-parent.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const PAGES = calling({ repeat_while: "output.more && round < 5", input: { from: "{{ from }}" } });

/** The start of a round, which is open. */
function inputOf(run: EngineRun, round: number): unknown {
  const id = `wfr_test/call/1/start_run-${round - 1}`;
  const call = run.openCalls.get(id)?.call;
  return call?.kind === "start_run" ? call.input : undefined;
}

/** A round that begins and ends. */
function round(run: EngineRun, number: number, output: object): void {
  started(run, number - 1);
  childReports(run, number - 1, { output: { ...output } });
}

describe("repeat_while", () => {
  it("starts another round with the output of the last one, while it holds", () => {
    const run = EngineRun.start(version([PAGES, step({ id: "after" })], [edge("call>after")]), {
      from: "a",
    });
    expect(inputOf(run, 1)).toEqual({ from: "a", round: 1 });
    round(run, 1, { more: true, page: 1 });
    expect(open(run, "start_run")).toEqual(["call/1/start_run-1"]);
    expect(inputOf(run, 2)).toEqual({ from: "a", round: 2, last: { more: true, page: 1 } });
    round(run, 2, { more: true, page: 2 });
    round(run, 3, { more: false, page: 3 });
    expect(run.output("call")).toEqual({
      ...{ more: false, page: 3, rounds: 3 },
      run_ids: ["child-1-2"],
    });
    expect(run.hasBegun("after")).toBe(true);
    expect(run.run.totalCostUsd).toBe(3);
    expect(replayHistory(run.history).state).toBe("RUNNING");
  });

  it("counts each report once, and may hear of an end before the answer to the start", () => {
    const run = EngineRun.start(version([PAGES]), { from: "a" });
    childReports(run, 0, { output: { more: true } });
    expect(childReports(run, 0, { output: { more: true } }).kind).toBe("unchanged");
    started(run, 0);
    expect(open(run, "start_run")).toEqual(["call/1/start_run-1"]);
  });

  it("begins no round while the run is paused, and goes on after it", () => {
    const run = EngineRun.start(version([PAGES]), { from: "a" });
    started(run, 0);
    run.put({ kind: "pause_requested", reason: "" });
    childReports(run, 0, { output: { more: true } });
    expect(open(run, "start_run")).toEqual([]);
    run.put({ kind: "resume_requested" });
    expect(inputOf(run, 2)).toMatchObject({ round: 2, last: { more: true } });
  });

  it("begins again with the first round at another attempt", () => {
    const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
    const run = EngineRun.start(version([{ ...PAGES, retryPolicy }]), { from: "a" });
    round(run, 1, { more: true });
    started(run, 1);
    childReports(run, 1, { state: "FAILED", errorMessage: "it broke" });
    expect(open(run, "start_run")).toEqual(["call/2/start_run-0"]);
    started(run, 0, 2);
    childReports(run, 0, { state: "FAILED", errorMessage: "it broke" });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toBe("round 1 (child-2-0): it broke");
  });

  const BROKEN: [name: string, output: object, problem: string][] = [
    ["has no value", {}, "repeat_while after round 1: "],
    ["gives no boolean", { more: 7 }, "repeat_while after round 1: "],
  ];
  it.each(BROKEN)("fails the step for good where it %s", (_, output, problem) => {
    const retryPolicy = { maxRetries: 3, backoffSeconds: 0, backoffMultiplier: 1 };
    const repeating = calling({ repeat_while: "more" });
    const run = EngineRun.start(version([{ ...repeating, retryPolicy }]));
    round(run, 1, output);
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toContain(problem);
    expect(open(run, "start_run")).toEqual([]);
  });

  it(`ends after ${MAX_ROUNDS} rounds, and fails the step`, () => {
    const run = EngineRun.start(version([calling({ repeat_while: "true" })]));
    for (let number = 1; number <= MAX_ROUNDS; number += 1) round(run, number, { n: number });
    expect(run.rows.get(0)?.errorMessage).toContain(`holds after ${MAX_ROUNDS} rounds`);
    expect(run.run.state).toBe("FAILED");
    expect(open(run, "start_run")).toEqual([]);
  });

  it("is undone round by round, the last one first", () => {
    const run = EngineRun.start(version([PAGES, step({ id: "after" })], [edge("call>after")]), {
      from: "a",
    });
    round(run, 1, { more: true });
    round(run, 2, { more: true });
    round(run, 3, { more: false });
    run.put(compensate);
    for (const child of [2, 1, 0]) {
      const asked = open(run, "compensate_run");
      expect(asked.map((id) => id.slice(-4))).toEqual([`-1-${child}`]);
      childReports(run, child, { seq: 9, state: "FAILED", undoing: "done" });
      run.put({
        ...{ kind: "call_returned", callId: `wfr_test/${asked[0]}`, call: "compensate_run" },
        ...{ stepIndex: 0, attempt: 1 },
        result: { ok: true, value: { kind: "compensate_run", compensated: true } },
      });
    }
    expect(run.state("call")).toBe("COMPENSATED");
    expect(run.run.state).toBe("FAILED");
  });
});
