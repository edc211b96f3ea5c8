/** Child runs in the engine: repeats, words that overtake each other, limits, and what is undone. */
import { describe, expect, it } from "vitest";
import type { ChildReport } from "../../src/engine/child-run.ts";
import type { JsonObject } from "../../src/engine/json.ts";
import type { Reply } from "../../src/engine/outcome.ts";
import { replayHistory } from "../../src/engine/replay.ts";
import { EngineRun, edge, step, version } from "../support/engine-run.ts";

const RETRY = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };

function calling(workflow: JsonObject = {}, more: JsonObject = {}) {
  return step({
    id: "call",
    stepType: "AGENT_ACTION",
    config: { workflow: { name: "child", ...workflow }, ...more },
  });
}

function told(run: EngineRun, child: number, more: Partial<ChildReport> = {}): Reply {
  const attempt = (run.rows.get(run.index("call"))?.retryCount ?? 0) + 1;
  const report: ChildReport = {
    stepIndex: run.index("call"),
    attempt,
    child,
    runId: `child-${attempt}-${child}`,
    seq: 5,
    state: "COMPLETED",
    output: { n: child },
    errorMessage: "",
    costUsd: 1,
    undoing: "no",
    ...more,
  };
  return run.put({ kind: "child_ended", report });
}

/** The answer to the start of a child; a text refuses it. */
function started(run: EngineRun, child: number, attempt = 1, refusal?: string): Reply {
  const id = `wfr_test/call/${attempt}/start_run-${child}`;
  if (!run.effects.has(id)) throw new Error(`no start ${id} among ${[...run.effects.keys()]}`);
  const value = { kind: "start_run", runId: `child-${attempt}-${child}` } as const;
  return run.put({
    kind: "call_returned",
    effectId: id,
    call: "start_run",
    stepIndex: run.index("call"),
    attempt,
    result: refusal === undefined ? { ok: true, value } : { ok: false, message: refusal },
  });
}

/** Ids of open calls of a kind, without the run. */
function open(run: EngineRun, kind: string): string[] {
  return [...run.effects.values()]
    .filter(({ call }) => call.kind === kind)
    .map(({ id }) => id.slice("wfr_test/".length));
}

const compensate = { kind: "compensate_requested", reason: "" } as const;

describe("an only child", () => {
  it("may end before the answer to its start is here, and counts once", () => {
    const run = EngineRun.start(version([calling()]));
    told(run, 0);
    expect(run.run).toMatchObject({ state: "COMPLETED", totalCostUsd: 1 });
    expect(run.output("call")).toEqual({ n: 0, run_ids: ["child-1-0"] });
    expect(started(run, 0).kind).toBe("unchanged");
    expect(told(run, 0).kind).toBe("unchanged");
    expect(run.run.totalCostUsd).toBe(1);
    expect(open(run, "cancel_run")).toEqual([]);
  });

  it("is not believed when it is another run", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    expect(told(run, 0, { runId: "stranger" }).kind).toBe("unchanged");
    expect(told(run, 3).kind).toBe("unchanged");
    expect(run.state("call")).toBe("RUNNING");
  });

  it("comes too late from an earlier attempt, and is cancelled when its start does", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY, timeoutSeconds: 5 }]));
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(open(run, "start_run")).toEqual(["call/1/start_run-0", "call/2/start_run-0"]);
    started(run, 0);
    expect(open(run, "cancel_run")).toHaveLength(1);
    told(run, 0, { attempt: 1, runId: "child-1-0", state: "CANCELLED" });
    expect(run.run.totalCostUsd).toBe(0);
    expect(run.history.at(-1)?.moves[0]).toMatchObject({ note: "ignored" });
    started(run, 0, 2);
    told(run, 0);
    expect(run.output("call")).toEqual({ n: 0, run_ids: ["child-2-0"] });
  });

  it("fails the attempt when its start is refused", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY }]));
    started(run, 0, 1, "there is no workflow named child");
    expect(open(run, "start_run")).toEqual(["call/2/start_run-0"]);
    started(run, 0, 2, "still none");
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toBe("still none");
  });

  it("takes no version for the latest that is none", () => {
    for (const v of ["", " ", null, false, true, [], {}, "latest"]) {
      const run = EngineRun.start(version([calling({ version: "{{ input.v }}" })]), { v });
      const { call } = run.effectOf("call", "start_run");
      expect(call).toMatchObject({ kind: "start_run", version: Number.NaN });
    }
    const run = EngineRun.start(version([calling({ version: "{{ input.v }}" })]), { v: "3" });
    expect(run.effectOf("call", "start_run").call).toMatchObject({ version: 3 });
  });

  it("fails the step for good with an output over the limit", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY }]));
    told(run, 0, { output: { text: "x".repeat(256 * 1024) } });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toContain("over the limit of 262144");
  });

  it("fails the step for good when it has no output to tell", () => {
    const run = new EngineRun(
      version([step({ id: "a" }), step({ id: "b" })]),
      {},
      {
        parentRunId: "wfr_parent",
        parentStep: { index: 0, attempt: 1, child: 0, depth: 1 },
      },
    );
    run.put({ kind: "run_begun" });
    for (const id of ["a", "b"]) {
      run.report(id, "COMPLETED", { output: { [id]: "x".repeat(200 * 1024) } });
    }
    const [effect] = run.effects.values();
    if (effect?.call.kind !== "tell_parent") throw new Error("nothing is told");
    const { report } = effect.call;
    expect(report.output).toBeUndefined();
    const parent = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY }]));
    parent.put({ kind: "child_ended", report });
    expect(parent.run.state).toBe("FAILED");
    expect(parent.rows.get(0)?.errorMessage).toMatch(/output of child run .* over the limit/);
  });

  it("is let go when the step is ended by hand", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    run.report("call", "COMPLETED", { output: { by: "hand" } });
    expect(open(run, "cancel_run")).toHaveLength(1);
    expect(run.output("call")).toEqual({ by: "hand" });
  });
});

describe("children of a list", () => {
  const input = { list: [10, 20, 30] };

  it("never open more than may be, and keep the list's order", () => {
    const workflow = { for_each: "list", max_parallel: 2, input: {} };
    const run = EngineRun.start(version([calling(workflow)]), { list: [10, 20, 30, 40] });
    expect(open(run, "start_run")).toEqual(["call/1/start_run-0", "call/1/start_run-1"]);
    told(run, 1);
    expect(open(run, "start_run")).toHaveLength(3);
    expect(open(run, "start_run")).toContain("call/1/start_run-2");
    for (const child of [2, 0, 3]) told(run, child);
    expect(run.output("call")).toEqual({
      items: [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }],
      run_ids: ["child-1-0", "child-1-1", "child-1-2", "child-1-3"],
    });
    expect(run.run.totalCostUsd).toBe(4);
  });

  it("tell their costs in the history as they end, one by one", () => {
    const run = EngineRun.start(version([calling({ for_each: "list", max_parallel: 2 })]), input);
    told(run, 0, { costUsd: 0.5 });
    expect(run.run.totalCostUsd).toBe(0.5);
    expect(replayHistory(run.history).totalCostUsd).toBe(0.5);
    expect(replayHistory(run.history).steps.get(0)?.costUsd).toBe(0.5);
    expect(run.events.filter((event) => event.startsWith("call."))).toEqual(["call.started"]);
  });

  it("start none for a failed attempt whose others are cancelled", () => {
    const workflow = { for_each: "list", max_parallel: 2 };
    const run = EngineRun.start(version([calling(workflow)]), input);
    started(run, 0);
    told(run, 1, { state: "FAILED", errorMessage: "bad" });
    expect(run.rows.get(0)?.errorMessage).toBe("item 1 (child-1-1): bad");
    expect(open(run, "cancel_run")).toHaveLength(1);
    expect(open(run, "start_run")).toEqual(["call/1/start_run-1"]);
  });

  it("fail at once when too few items are there for those required, or too many to run", () => {
    const few = EngineRun.start(version([calling({ for_each: "list", required: 4 })]), input);
    expect(few.rows.get(0)?.errorMessage).toContain("gave 3 items, 4 are required");
    const list = Array.from({ length: 10_001 }, () => 1);
    const many = EngineRun.start(version([calling({ for_each: "list" })]), { list });
    expect(many.rows.get(0)?.errorMessage).toBe(
      "for_each gave 10001 items, over the limit of 10000",
    );
    expect(many.children).toEqual([]);
  });

  it("start little by little when their inputs are large", () => {
    const list = Array.from({ length: 40 }, () => 1);
    const workflow = { for_each: "list", max_parallel: 40 };
    const text = "x".repeat(240 * 1024);
    const run = EngineRun.start(version([calling(workflow)]), { list, text });
    expect(open(run, "start_run")).toHaveLength(18);
    started(run, 0);
    expect(open(run, "start_run")).toHaveLength(35);
    started(run, 1);
    expect(run.rows.get(0)?.detail.children?.open).toBe(40);
  });

  it("may have ids that are too large together", () => {
    const run = EngineRun.start(version([calling({ for_each: "list", max_parallel: 4 })]), input);
    for (const child of [0, 1, 2, 3]) told(run, child, { runId: `${child}`.repeat(100_000) });
    expect(run.state("call")).toBe("COMPLETED");
  });

  it("fail the step when their outputs are too large together", () => {
    const run = EngineRun.start(version([calling({ for_each: "list" })]), input);
    const output = { text: "x".repeat(100 * 1024) };
    told(run, 0, { output });
    told(run, 1, { output });
    expect(run.state("call")).toBe("RUNNING");
    told(run, 2, { output });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toMatch(/have \d+ bytes so far, over the limit/);
  });
});

describe("undoing children", () => {
  const input = { list: [10, 20, 30] };
  const undoing = version(
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
    const run = EngineRun.start(undoing, { list: [1, 2, 3] });
    run.report("first", "COMPLETED", { output: { list: [1, 2, 3] } });
    for (const child of [0, 1]) started(run, child);
    told(run, 0);
    started(run, 2);
    for (const child of [1, 2]) told(run, child);
    return run;
  }

  it("asks the last first, so many as may be open, then its own step, then upstream", () => {
    const run = completed();
    run.put(compensate);
    expect(open(run, "compensate_run").map((id) => id.slice(-4))).toEqual(["-1-2", "-1-1"]);
    told(run, 2, { seq: 9, state: "FAILED", undoing: "done" });
    told(run, 2, { seq: 9, state: "FAILED", undoing: "done" });
    expect(open(run, "compensate_run")).toHaveLength(3);
    told(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.hasBegun("after")).toBe(false);
    told(run, 0, { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 });
    expect(run.run.totalCostUsd).toBe(3.5);
    run.report("after", "COMPLETED");
    expect(run.state("call")).toBe("COMPENSATED");
    run.report("undo-first", "COMPLETED");
    expect(run.states).toContain("first:COMPENSATED");
    expect(run.run.state).toBe("FAILED");
    expect(run.events.at(-1)).toBe("run.compensated");
  });

  it("counts what a child cost by then and by its undoing, whichever word comes first", () => {
    const cancelled = { seq: 7, state: "CANCELLED", costUsd: 1 } as const;
    const undone = { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 } as const;
    for (const words of [[cancelled, undone], [undone, cancelled], [undone]]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put(compensate);
      for (const word of words) told(run, 0, word);
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1.5 });
      const { totalCostUsd, steps } = replayHistory(run.history);
      expect(totalCostUsd).toBe(1.5);
      expect(steps.get(0)?.costUsd).toBe(1.5);
    }
  });

  it("counts what a child cost that ended before the answer to its start", () => {
    const run = EngineRun.start(version([calling()]));
    run.put(compensate);
    told(run, 0, { seq: 7, state: "CANCELLED", costUsd: 1 });
    expect(replayHistory(run.history).totalCostUsd).toBe(1);
    started(run, 0);
    told(run, 0, { seq: 9, state: "FAILED", undoing: "done", costUsd: 1.5 });
    expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1.5 });
  });

  it("counts what a child cost that has nothing left to undo, whichever word comes first", () => {
    const none = { kind: "compensate_run", undone: true, costUsd: 1 } as const;
    const words = [
      (run: EngineRun) => told(run, 0, { seq: 7, state: "CANCELLED", costUsd: 1 }),
      (run: EngineRun) => run.answer("call", none),
    ];
    for (const order of [words, words.toReversed()]) {
      const run = EngineRun.start(version([calling()]));
      started(run, 0);
      run.put(compensate);
      for (const say of order) say(run);
      expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 1 });
      expect(replayHistory(run.history).totalCostUsd).toBe(1);
    }
  });

  it("waits upstream of a child that could not, and asks it alone again", () => {
    const run = completed();
    run.put(compensate);
    told(run, 2, { seq: 9, state: "FAILED", undoing: "failed" });
    told(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    told(run, 0, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.run.state).toBe("FAILED");
    expect(run.hasBegun("after")).toBe(false);
    run.effects.clear();
    run.put(compensate);
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-2-1-2"]);
    // The first word once more, from a service that died before it could forget it.
    told(run, 2, { seq: 9, state: "FAILED", undoing: "failed" });
    expect(run.run.state).toBe("COMPENSATING");
    told(run, 2, { seq: 12, state: "FAILED", undoing: "done" });
    expect(run.hasBegun("after")).toBe(true);
  });

  it("waits for starts under way, and undoes those children too", () => {
    const run = EngineRun.start(version([calling({ for_each: "list" })]), { list: [1, 2] });
    started(run, 0);
    run.put(compensate);
    expect(run.run.state).toBe("COMPENSATING");
    expect(open(run, "compensate_run")).toEqual([]);
    started(run, 1);
    expect(open(run, "compensate_run")).toHaveLength(2);
  });

  it("reaches those below one that undid itself in the same transition", () => {
    const workflow = { for_each: "list", max_parallel: 1 };
    const run = EngineRun.start(version([calling(workflow, { on_error: "compensate" })]), input);
    for (const child of [0, 1, 2]) {
      started(run, child);
      if (child < 2) told(run, child);
    }
    // Stored it is open still, and as many rows are loaded as may be undone at a time: its own alone.
    told(run, 2, { state: "FAILED", errorMessage: "no", undoing: "done" });
    expect(run.run.state).toBe("COMPENSATING");
    expect(open(run, "compensate_run")).toEqual(["call/1/compensate_run-1-1-1"]);
    told(run, 1, { seq: 9, state: "FAILED", undoing: "done" });
    expect(open(run, "compensate_run")).toContain("call/1/compensate_run-1-1-0");
    told(run, 0, { seq: 9, state: "FAILED", undoing: "done" });
    expect(run.run.state).toBe("FAILED");
  });

  it("takes a child that has nothing to undo for undone", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    told(run, 0, { state: "FAILED", errorMessage: "no" });
    run.put(compensate);
    run.answer("call", { kind: "compensate_run", undone: true });
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
  const words = (run: EngineRun) =>
    [...run.effects.values()].flatMap(({ call }) =>
      call.kind === "tell_parent" ? [call.report] : [],
    );

  it("tells its end, and again the end of its compensation, which only its parent may want", () => {
    const run = begun();
    expect(words(run)).toEqual([]);
    run.report("task", "COMPLETED", { output: { a: 1 }, costUsd: 2 });
    expect(words(run)).toMatchObject([
      { stepIndex: 0, attempt: 1, child: 2, state: "COMPLETED", output: { a: 1 }, costUsd: 2 },
    ]);
    expect(run.put(compensate).kind).toBe("refused");
    run.put({ ...compensate, byParent: true });
    run.report("undo", "COMPLETED", { costUsd: 1 });
    expect(words(run)[1]).toMatchObject({ state: "FAILED", undoing: "done", costUsd: 3 });
    expect(run.put({ ...compensate, byParent: true })).toEqual({
      kind: "unchanged",
      nothingLeft: { costUsd: 3 },
    });
  });

  it("tells nothing while its pause, or its compensation, goes on", () => {
    const run = begun();
    run.put({ kind: "pause_requested", reason: "" });
    run.put({ kind: "resume_requested" });
    run.put({ kind: "cancel_requested", reason: "why" });
    expect(words(run)).toMatchObject([{ state: "CANCELLED", undoing: "no" }]);
    expect(words(run)[0]?.errorMessage).toContain("ended CANCELLED: why");
  });
});
