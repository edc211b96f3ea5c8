/** Child runs in the engine: repeats, reports that overtake each other, limits. */
import { describe, expect, it } from "vitest";
import { replayHistory } from "../../../src/engine/replay.ts";
import { MAX_PAYLOAD_BYTES } from "../../../src/engine/values/limits.ts";
import { calling, childReports, open, started } from "../../support/engine/engine-parent.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const RETRY = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };

describe("an only child", () => {
  it("may end before the answer to its start, and counts once", () => {
    const run = EngineRun.start(version([calling()]));
    childReports(run, 0);
    expect(run.run).toMatchObject({ state: "COMPLETED", totalCostUsd: 1 });
    expect(run.output("call")).toEqual({ n: 0, run_ids: ["child-1-0"] });
    expect(started(run, 0).kind).toBe("unchanged");
    expect(childReports(run, 0).kind).toBe("unchanged");
    expect(run.run.totalCostUsd).toBe(1);
    expect(open(run, "cancel_run")).toEqual([]);
  });

  it("is ignored when it is another run", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    expect(childReports(run, 0, { runId: "stranger" }).kind).toBe("unchanged");
    expect(childReports(run, 3).kind).toBe("unchanged");
    expect(run.state("call")).toBe("RUNNING");
  });

  it("reports too late from an earlier attempt, and is cancelled when its start is answered late", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY, timeoutSeconds: 5 }]));
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(open(run, "start_run")).toEqual(["call/1/start_run-0", "call/2/start_run-0"]);
    started(run, 0);
    expect(open(run, "cancel_run")).toHaveLength(1);
    childReports(run, 0, { attempt: 1, runId: "child-1-0", state: "CANCELLED" });
    expect(run.run.totalCostUsd).toBe(0);
    expect(run.history.at(-1)?.moves[0]).toMatchObject({ note: "ignored" });
    started(run, 0, 2);
    childReports(run, 0);
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
      const { call } = run.callFor("call", "start_run");
      expect(call).toMatchObject({ kind: "start_run", version: Number.NaN });
    }
    const run = EngineRun.start(version([calling({ version: "{{ input.v }}" })]), { v: "3" });
    expect(run.callFor("call", "start_run").call).toMatchObject({ version: 3 });
  });

  it("fails the step for good with an output over the limit", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY }]));
    childReports(run, 0, { output: { text: "x".repeat(256 * 1024) } });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toContain("over the limit of 262144");
    expect(run.rows.get(0)?.output).toBeUndefined();
  });

  it("fails the step for good when it has no output to report", () => {
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
    const [issued] = run.openCalls.values();
    if (issued?.call.kind !== "tell_parent") throw new Error("no report to the parent");
    const { report } = issued.call;
    expect(report.output).toBeUndefined();
    const parent = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY }]));
    parent.put({ kind: "child_ended", report });
    expect(parent.run.state).toBe("FAILED");
    expect(parent.rows.get(0)?.errorMessage).toMatch(/output of child run .* over the limit/);
  });

  it("is cancelled when the step is ended by hand", () => {
    const run = EngineRun.start(version([calling()]));
    started(run, 0);
    run.report("call", "COMPLETED", { output: { by: "hand" } });
    expect(open(run, "cancel_run")).toHaveLength(1);
    expect(run.output("call")).toEqual({ by: "hand" });
    const failed = EngineRun.start(version([calling()]));
    started(failed, 0);
    failed.report("call", "FAILED", { objectiveId: "unknown" });
    expect(open(failed, "cancel_run")).toHaveLength(1);
  });
});

describe("children of a list", () => {
  const input = { list: [10, 20, 30] };

  it("never open more than allowed, and keep the list's order", () => {
    const workflow = { for_each: "list", max_parallel: 2, input: {} };
    const run = EngineRun.start(version([calling(workflow)]), { list: [10, 20, 30, 40] });
    expect(open(run, "start_run")).toEqual(["call/1/start_run-0", "call/1/start_run-1"]);
    childReports(run, 1);
    expect(open(run, "start_run")).toHaveLength(3);
    expect(open(run, "start_run")).toContain("call/1/start_run-2");
    for (const child of [2, 0, 3]) childReports(run, child);
    expect(run.output("call")).toEqual({
      items: [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }],
      run_ids: ["child-1-0", "child-1-1", "child-1-2", "child-1-3"],
    });
    expect(run.run.totalCostUsd).toBe(4);
  });

  it("record their costs in the history as they end, one by one", () => {
    const run = EngineRun.start(version([calling({ for_each: "list", max_parallel: 2 })]), input);
    childReports(run, 0, { costUsd: 0.5 });
    expect(run.run.totalCostUsd).toBe(0.5);
    expect(replayHistory(run.history).totalCostUsd).toBe(0.5);
    expect(replayHistory(run.history).steps.get(0)?.costUsd).toBe(0.5);
    expect(run.events.filter((event) => event.startsWith("call."))).toEqual(["call.started"]);
  });

  it("start none for a failed attempt whose others are cancelled", () => {
    const workflow = { for_each: "list", max_parallel: 2 };
    const run = EngineRun.start(version([calling(workflow)]), input);
    started(run, 0);
    childReports(run, 1, { state: "FAILED", errorMessage: "bad" });
    expect(run.rows.get(0)?.errorMessage).toBe("item 1 (child-1-1): bad");
    expect(open(run, "cancel_run")).toHaveLength(1);
    expect(open(run, "start_run")).toEqual(["call/1/start_run-1"]);
  });

  it("fail at once when the list is shorter than required, or longer than allowed", () => {
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
    for (const child of [0, 1, 2, 3])
      childReports(run, child, { runId: `${child}`.repeat(100_000) });
    expect(run.state("call")).toBe("COMPLETED");
  });

  it("fail the step when their outputs are too large together", () => {
    const run = EngineRun.start(version([calling({ for_each: "list" })]), input);
    const output = { text: "x".repeat(100 * 1024) };
    childReports(run, 0, { output });
    childReports(run, 1, { output });
    expect(run.state("call")).toBe("RUNNING");
    childReports(run, 2, { output });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toMatch(/have \d+ bytes so far, over the limit/);
  });
});

describe("ids of child runs", () => {
  const END = step({ id: "end", stepType: "NOTIFICATION", notificationChannel: "slack" });

  it("stand in the step's own output and flow no further", () => {
    const after = step({
      id: "after",
      stepType: "HUMAN_TASK",
      name: "after",
      config: {
        input: { first: "{{ call.output.run_ids[0] }}", seen: "{{ has(call.output.n) }}" },
      },
    });
    const plain = step({ id: "plain", stepType: "HUMAN_TASK", name: "plain" });
    const edges = [edge("call>after"), edge("call>plain")];
    const run = EngineRun.start(version([calling(), after, plain], edges));
    childReports(run, 0);
    expect(run.output("call")).toEqual({ n: 0, run_ids: ["child-1-0"] });
    expect(run.inputOf("plain")).toEqual({ n: 0 });
    expect(run.inputOf("after")).toEqual({ first: "child-1-0", seen: true });
  });

  it("do not stand in the run's output nor among a PARALLEL's children", () => {
    const fork = step({ id: "fork", stepType: "PARALLEL" });
    const run = EngineRun.start(
      version([fork, calling(), END], [edge("fork>call"), edge("fork>end", "joined")]),
    );
    childReports(run, 0);
    expect(run.view().output).toEqual({ n: 0, children: { call: { n: 0 } } });
  });

  // As many bytes as the ids of 10,000 children have, in fewer ids.
  const items = 300;
  const list = Array.from({ length: items }, (_, at) => at);
  const each = calling({ for_each: "input.list", max_parallel: items });

  it("leave room for many tiny items and the step that follows them", () => {
    const run = EngineRun.start(version([each, END], [edge("call>end")]), { list });
    for (const child of list) {
      childReports(run, child, { runId: `${child}-${"x".repeat(1_000)}`, output: { n: 1 } });
    }
    expect(JSON.stringify(run.output("call")).length).toBeGreaterThan(MAX_PAYLOAD_BYTES);
    expect(run.state("end")).toBe("COMPLETED");
    expect(run.run.state).toBe("COMPLETED");
  });

  it("leave room for what a BRANCH passes on, some bytes of each child", () => {
    const run = EngineRun.start(version([each]), { list });
    for (const child of list) childReports(run, child, { output: { passed: "x".repeat(880) } });
    expect(JSON.stringify(run.output("call")).length).toBeGreaterThan(MAX_PAYLOAD_BYTES);
    expect(run.run.state).toBe("COMPLETED");
  });
});
