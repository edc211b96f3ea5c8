/** Compensation in the engine: children of a step, last first, its cost, and what a child reports of its own. */
import { describe, expect, it } from "vitest";
import { replayHistory } from "../../../src/engine/replay.ts";
import {
  calling,
  childReports,
  compensate,
  open,
  started,
} from "../../support/engine/engine-parent.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

describe("compensating children", () => {
  const input = { list: [10, 20, 30] };
  const withList = version(
    [
      step({ id: "first", compensationStepId: "undo-first" }),
      step({ id: "undo-first" }),
      { ...calling({ for_each: "list", max_parallel: 2, input: {} }), compensationStepId: "after" },
      step({ id: "after" }),
      step({ id: "last" }),
    ],
    [edge("first>call"), edge("call>last")],
  );

  function completed(): EngineRun {
    const run = EngineRun.start(withList, { list: [1, 2, 3] });
    run.report("first", "COMPLETED", { output: { list: [1, 2, 3] } });
    for (const child of [0, 1]) started(run, child);
    childReports(run, 0);
    started(run, 2);
    for (const child of [1, 2]) childReports(run, child);
    return run;
  }

  it("compensates the last first, as many as may be open, then its own step, then upstream", () => {
    const run = completed();
    run.put(compensate);
    expect(open(run, "compensate_run").map((id) => id.slice(-4))).toEqual(["-1-2", "-1-1"]);
    childReports(run, 2, { seq: 9, state: "FAILED", undoing: "done" });
    childReports(run, 2, { seq: 9, state: "FAILED", undoing: "done" });
    expect(open(run, "compensate_run")).toHaveLength(3);
    childReports(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.hasBegun("after")).toBe(false);
    childReports(run, 0, { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 });
    expect(run.run.totalCostUsd).toBe(3.5);
    run.report("after", "COMPLETED");
    expect(run.state("call")).toBe("COMPENSATED");
    run.report("undo-first", "COMPLETED");
    expect(run.states).toContain("first:COMPENSATED");
    expect(run.run.state).toBe("FAILED");
    expect(run.events.at(-1)).toBe("run.compensated");
  });

  it("counts the same of an earlier attempt's child, whether the request comes before its report or after", () => {
    const retryPolicy = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
    const cancelled = { attempt: 1, runId: "child-1-0", seq: 7, state: "CANCELLED" } as const;
    const compensated = { seq: 9, state: "FAILED", undoing: "done", costUsd: 1 } as const;
    for (const isAskedFirst of [true, false]) {
      const run = EngineRun.start(version([{ ...calling(), retryPolicy, timeoutSeconds: 5 }]));
      started(run, 0);
      run.now += 5_000;
      run.put({ kind: "step_due", stepIndex: 0 });
      run.put(compensate);
      // No call is issued while a start is in flight.
      if (!isAskedFirst) childReports(run, 0, cancelled);
      started(run, 0, 2);
      childReports(run, 0, compensated);
      if (isAskedFirst) childReports(run, 0, cancelled);
      childReports(run, 0, { ...cancelled, ...compensated, costUsd: 1.5 });
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 2.5 });
    }
  });

  it("counts what a child cost before and by its compensation, whichever report comes first", () => {
    const cancelled = { seq: 7, state: "CANCELLED", costUsd: 1 } as const;
    const compensated = { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 } as const;
    for (const reports of [[cancelled, compensated], [compensated, cancelled], [compensated]]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put(compensate);
      for (const report of reports) childReports(run, 0, report);
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1.5 });
      const { totalCostUsd, steps } = replayHistory(run.history);
      expect(totalCostUsd).toBe(1.5);
      expect(steps.get(0)?.costUsd).toBe(1.5);
    }
  });

  it("counts the same after a cancel, whether the child reports the cancel before or after it is compensated", () => {
    const cancelled = { seq: 7, state: "CANCELLED", costUsd: 1 } as const;
    for (const isLate of [true, false]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put({ kind: "cancel_requested", reason: "" });
      if (isLate) childReports(run, 0, cancelled);
      expect(run.run.totalCostUsd).toBe(0);
      run.put(compensate);
      if (!isLate) childReports(run, 0, cancelled);
      childReports(run, 0, { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 });
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1.5 });
      expect(replayHistory(run.history).totalCostUsd).toBe(1.5);
    }
  });

  it("counts the same after a cancel, whether the child reports the cancel before or after its own compensation", () => {
    const compensated = { seq: 7, state: "FAILED", undoing: "done", costUsd: 1 } as const;
    for (const isLate of [true, false]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put({ kind: "cancel_requested", reason: "" });
      if (isLate) childReports(run, 0, compensated);
      run.put(compensate);
      if (!isLate) childReports(run, 0, compensated);
      else run.answer("call", { kind: "compensate_run", compensated: true, costUsd: 1 });
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1 });
    }
  });

  it("counts what a child cost that ended before the answer to its start", () => {
    const run = EngineRun.start(version([calling()]));
    run.put(compensate);
    childReports(run, 0, { seq: 7, state: "CANCELLED", costUsd: 1 });
    expect(replayHistory(run.history).totalCostUsd).toBe(1);
    started(run, 0);
    childReports(run, 0, { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 });
    expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1.5 });
  });

  it("counts the cost of a child with nothing left to compensate, whichever report comes first", () => {
    const none = { kind: "compensate_run", compensated: true, costUsd: 1 } as const;
    const reports = [
      (run: EngineRun) => childReports(run, 0, { seq: 7, state: "CANCELLED", costUsd: 1 }),
      (run: EngineRun) => run.answer("call", none),
    ];
    for (const order of [reports, reports.toReversed()]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put(compensate);
      for (const say of order) say(run);
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1 });
      expect(replayHistory(run.history).totalCostUsd).toBe(1);
    }
  });

  it("waits upstream of a child that failed to compensate, and asks only that one again", () => {
    const run = completed();
    run.put(compensate);
    childReports(run, 2, { seq: 9, state: "FAILED", undoing: "failed" });
    childReports(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    childReports(run, 0, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.run.state).toBe("FAILED");
    expect(run.hasBegun("after")).toBe(false);
    run.openCalls.clear();
    run.put(compensate);
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-2-1-2"]);
    // A repeat of the first report, from a replica that died before it deleted the call.
    childReports(run, 2, { seq: 9, state: "FAILED", undoing: "failed" });
    expect(run.run.state).toBe("COMPENSATING");
    childReports(run, 2, { seq: 12, state: "FAILED", undoing: "done" });
    expect(run.hasBegun("after")).toBe(true);
  });

  it("waits upstream of a child whose compensation was refused, too", () => {
    const steps = [calling(), step({ id: "open" })];
    const run = EngineRun.start(version(steps));
    started(run, 0);
    childReports(run, 0);
    run.put(compensate);
    run.answer("call", "no", "compensate_run");
    expect(run.events.at(-1)).toBe("run.failed");
    expect(run.state("call")).toBe("COMPLETED");
    run.put(compensate);
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-2-1-0"]);
  });

  it("asks a child that was compensated by another request for the cost of that, and counts it", () => {
    const run = EngineRun.start(
      version([calling({}, { on_error: "continue" }), step({ id: "b" })]),
    );
    started(run, 0);
    childReports(run, 0, { state: "FAILED", errorMessage: "no" });
    childReports(run, 0, { seq: 6, state: "FAILED", undoing: "done", costUsd: 1.5 });
    expect(run.run.totalCostUsd).toBe(1);
    run.put(compensate);
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-1-1-0"]);
    run.answer("call", { kind: "compensate_run", compensated: true, costUsd: 1.5 });
    expect(run.events.at(-1)).toBe("run.compensated");
    expect(run.run.totalCostUsd).toBe(1.5);
  });

  it("waits for starts in flight, and compensates those children too", () => {
    const run = EngineRun.start(version([calling({ for_each: "list" })]), { list: [1, 2] });
    started(run, 0);
    run.put(compensate);
    expect(run.run.state).toBe("COMPENSATING");
    expect(open(run, "compensate_run")).toEqual([]);
    started(run, 1);
    expect(open(run, "compensate_run")).toHaveLength(2);
  });

  it("continues below a child that compensated itself in the same transition", () => {
    const workflow = { for_each: "list", max_parallel: 1 };
    const run = EngineRun.start(version([calling(workflow, { on_error: "compensate" })]), input);
    for (const child of [0, 1, 2]) {
      started(run, child);
      if (child < 2) childReports(run, child);
    }
    // Its stored row is still open. As many rows are loaded as may be compensated at a time: only its own.
    childReports(run, 2, { state: "FAILED", errorMessage: "no", undoing: "done" });
    expect(run.run.state).toBe("COMPENSATING");
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-1-1-1"]);
    childReports(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    expect(open(run, "compensate_run")).toContain("call/1/compensate_run-1-1-0");
    childReports(run, 0, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.run.state).toBe("FAILED");
  });

  it("counts a child with nothing to compensate as compensated", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    childReports(run, 0, { state: "FAILED", errorMessage: "no" });
    run.put(compensate);
    run.answer("call", { kind: "compensate_run", compensated: true });
    expect(run.run.state).toBe("FAILED");
    expect(run.events.at(-1)).toBe("run.compensated");
    expect(run.put(compensate)).toEqual({ kind: "unchanged" });
  });
});

describe("a child", () => {
  const child = version(
    [step({ id: "task", compensationStepId: "undo" }), step({ id: "undo" })],
    [],
  );
  const parentStep = { index: 0, attempt: 1, child: 2, depth: 1 };

  function begun(): EngineRun {
    const run = new EngineRun(child, {}, { parentRunId: "wfr_parent", parentStep });
    run.put({ kind: "run_begun" });
    return run;
  }
  const reports = (run: EngineRun) =>
    [...run.openCalls.values()].flatMap(({ call }) =>
      call.kind === "tell_parent" ? [call.report] : [],
    );

  it("reports its end, and later the end of its compensation", () => {
    const run = begun();
    expect(reports(run)).toEqual([]);
    run.report("task", "COMPLETED", { output: { a: 1 }, costUsd: 2 });
    expect(reports(run)).toMatchObject([
      { stepIndex: 0, attempt: 1, child: 2, state: "COMPLETED", output: { a: 1 }, costUsd: 2 },
    ]);
    expect(run.put(compensate).kind).toBe("refused");
    run.put({ ...compensate, byParent: true });
    run.report("undo", "COMPLETED", { costUsd: 1 });
    expect(reports(run)[1]).toMatchObject({ state: "FAILED", undoing: "done", costUsd: 3 });
    expect(run.put({ ...compensate, byParent: true })).toEqual({
      kind: "unchanged",
      nothingLeft: { costUsd: 3 },
    });
  });

  it("reports the step that failed last, or why it was cancelled", () => {
    const goesOn = (id: string) => step({ id, config: { on_error: "continue" } });
    const facts = { parentRunId: "wfr_parent", parentStep };
    const failing = [
      { steps: [goesOn("last"), goesOn("first"), step({ id: "open" })], cancel: true },
      { steps: [step({ id: "last" }), goesOn("first")], cancel: false },
    ];
    const messages = failing.map(({ steps, cancel }) => {
      const run = new EngineRun(version(steps, []), {}, facts);
      run.put({ kind: "run_begun" });
      run.report("first", "FAILED", { errorMessage: "one" });
      run.now += 1_000;
      run.report("last", "FAILED", { errorMessage: "two" });
      if (cancel) run.put({ kind: "cancel_requested", reason: "why" });
      return reports(run)[0]?.errorMessage;
    });
    expect(messages).toEqual([
      "child run wfr_test ended CANCELLED: why",
      "child run wfr_test ended FAILED: step last: two",
    ]);
  });

  it("reports nothing while it is paused or compensated", () => {
    const run = begun();
    run.put({ kind: "pause_requested", reason: "" });
    run.put({ kind: "resume_requested" });
    run.put({ kind: "cancel_requested", reason: "why" });
    expect(reports(run)).toMatchObject([{ state: "CANCELLED", undoing: "no" }]);
    expect(reports(run)[0]?.errorMessage).toContain("ended CANCELLED: why");
  });
});
