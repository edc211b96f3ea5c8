import { describe, expect, it } from "vitest";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const agent = (id: string, more = {}) =>
  step({ id, stepType: "AGENT_ACTION", agentId: "a1", ...more });

describe("pause and resume", () => {
  it("acts on what ended while paused, at the resume", () => {
    const run = EngineRun.start(version([agent("a"), agent("b")], [edge("a>b")]));
    run.put({ kind: "pause_requested", reason: "lunch" });
    run.agentEnds("a", "COMPLETED", { x: 1 });
    expect(run.states).toBe("a:COMPLETED b:PENDING");
    expect(run.run.state).toBe("PAUSED");
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("a:COMPLETED b:RUNNING");
    expect(run.inputOf("b")).toEqual({ x: 1 });
  });

  it("completes a run whose last step ended while paused, and fails one that failed", () => {
    const run = EngineRun.start(version([agent("a")]));
    run.put({ kind: "pause_requested", reason: "" });
    run.agentEnds("a", "COMPLETED", {});
    run.put({ kind: "resume_requested" });
    expect(run.run.state).toBe("COMPLETED");
    const bad = EngineRun.start(version([agent("a")]));
    bad.put({ kind: "pause_requested", reason: "" });
    bad.agentEnds("a", "FAILED");
    expect(bad.run.state).toBe("PAUSED");
    bad.put({ kind: "resume_requested" });
    expect(bad.run.state).toBe("FAILED");
  });

  it("begins no retry while paused and one at the resume when it fell due", () => {
    const retryPolicy = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
    const run = EngineRun.start(version([agent("a", { retryPolicy })]));
    run.put({ kind: "pause_requested", reason: "" });
    run.agentEnds("a", "FAILED");
    expect(run.calls).toEqual([]);
    run.put({ kind: "resume_requested" });
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.calls).toEqual(["a:create_objective"]);
  });

  it("counts what ended while paused before the timer that fell due meanwhile", () => {
    const run = EngineRun.start(
      version(
        [step({ id: "fan", stepType: "PARALLEL", timeoutSeconds: 10 }), step({ id: "child" })],
        [edge("fan>child")],
      ),
    );
    run.put({ kind: "pause_requested", reason: "" });
    run.report("child", "COMPLETED");
    run.now += 20_000;
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("fan:COMPLETED child:COMPLETED");
    expect(run.run.state).toBe("COMPLETED");
  });

  it("acts on timers that fell due while paused in the order of their times", () => {
    const delay = { stepType: "WAIT_FOR_EVENT", config: { delay_seconds: 30 } } as const;
    const run = EngineRun.start(
      version(
        [
          step({ id: "fan", stepType: "PARALLEL", timeoutSeconds: 60 }),
          step({ id: "child", timeoutSeconds: 90, ...delay }),
        ],
        [edge("fan>child")],
      ),
    );
    run.put({ kind: "pause_requested", reason: "" });
    run.now += 100_000;
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("fan:COMPLETED child:COMPLETED");
  });

  it("acts on both timers of a step in the order of all of them", () => {
    const config = { approvers: ["a"], escalate_after_seconds: 10, escalate_to: ["b"] };
    const gate = { stepType: "APPROVAL_GATE", name: "Gate", timeoutSeconds: 20, config } as const;
    const run = EngineRun.start(
      version([step({ id: "gate", ...gate }), step({ id: "task", timeoutSeconds: 30 })]),
    );
    const requested = {
      kind: "request_approval",
      requestId: "apr_1",
      autoApproved: false,
    } as const;
    run.answer("gate", requested);
    run.put({ kind: "pause_requested", reason: "" });
    run.now += 40_000;
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("gate:FAILED task:CANCELLED");
  });
});

describe("timers that fire late", () => {
  const delay = { stepType: "WAIT_FOR_EVENT", config: { delay_seconds: 30 } } as const;

  it("a delay that was over before the step's timeout ends the step", () => {
    const run = EngineRun.start(version([step({ id: "rest", timeoutSeconds: 60, ...delay })]));
    run.now += 100_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.states).toBe("rest:COMPLETED");
  });

  it("a deadline that passed before the delay was over fails the run, whichever input comes first", () => {
    const spec = version([step({ id: "rest", ...delay })], [], { timeoutSeconds: 20 });
    const run = EngineRun.start(spec);
    run.now += 100_000;
    run.putAll([{ kind: "step_due", stepIndex: 0 }, { kind: "deadline_passed" }]);
    expect(run.states).toBe("rest:CANCELLED");
    expect(run.run.state).toBe("FAILED");
  });
});

describe("cancel", () => {
  it("cancels open steps and their objectives, also one whose Create is in flight", () => {
    const run = EngineRun.start(
      version([agent("a"), agent("b"), step({ id: "c" })], [edge("a>c")]),
    );
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    run.put({ kind: "cancel_requested", reason: "stop" });
    expect(run.run.state).toBe("CANCELLED");
    expect(run.states).toBe("a:CANCELLED b:CANCELLED c:CANCELLED");
    expect(run.calls).toEqual(["b:create_objective", "a:cancel_objective"]);
    run.answer("b", { kind: "create_objective", objectiveId: "o2" });
    expect(run.calls).toEqual(["a:cancel_objective", "b:cancel_objective"]);
    expect(run.put({ kind: "cancel_requested", reason: "" })).toEqual({ kind: "unchanged" });
  });

  it("records a late result as ignored, without cost", () => {
    const run = EngineRun.start(version([agent("a")]));
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    run.put({ kind: "cancel_requested", reason: "" });
    const before = run.events.length;
    const reply = run.report("a", "COMPLETED", { costUsd: 5 });
    expect(reply).toEqual({ kind: "unchanged" });
    expect(run.events.length).toBe(before);
    expect(run.history.at(-1)?.moves[0]).toMatchObject({ note: "ignored" });
    expect(run.run.totalCostUsd).toBe(0);
  });
});

describe("compensate", () => {
  const compensation = (id: string) => agent(id);
  const spec = version(
    [
      agent("flight", { compensationStepId: "undo-flight" }),
      agent("hotel", { compensationStepId: "undo-hotel" }),
      agent("car", { compensationStepId: "undo-car" }),
      agent("pay", { config: { on_error: "compensate" } }),
      compensation("undo-flight"),
      compensation("undo-hotel"),
      compensation("undo-car"),
    ],
    [edge("flight>hotel"), edge("flight>car"), edge("hotel>pay"), edge("car>pay")],
  );

  const failed = () => {
    const run = EngineRun.start(spec);
    for (const id of ["flight", "hotel", "car"]) run.agentEnds(id, "COMPLETED", { id });
    run.agentEnds("pay", "FAILED");
    return run;
  };

  it("compensates in reverse topological order, independent ones side by side", () => {
    const run = failed();
    expect(run.run.state).toBe("COMPENSATING");
    expect(run.calls.toSorted()).toEqual([
      "undo-car:create_objective",
      "undo-hotel:create_objective",
    ]);
    expect(run.inputOf("undo-hotel")).toEqual({
      run_id: "wfr_test",
      step_id: "hotel",
      state: "COMPLETED",
      input: { id: "flight" },
      output: { id: "hotel" },
    });
    run.agentEnds("undo-hotel", "COMPLETED", {});
    expect(run.calls).toEqual(["undo-car:create_objective"]);
    run.agentEnds("undo-car", "COMPLETED", {});
    expect(run.calls).toEqual(["undo-flight:create_objective"]);
    run.agentEnds("undo-flight", "COMPLETED", {});
    expect(run.run.state).toBe("FAILED");
    expect(run.states).toBe(
      "flight:COMPENSATED hotel:COMPENSATED car:COMPENSATED pay:FAILED " +
        "undo-flight:COMPLETED undo-hotel:COMPLETED undo-car:COMPLETED",
    );
    expect(run.events.filter((e) => e.startsWith("run."))).toEqual([
      "run.started",
      "run.failed",
      "run.compensate",
      "run.compensated",
    ]);
    expect(run.events.filter((e) => e === "undo-hotel.started")).toHaveLength(1);
  });

  it("stops upstream of a compensation that failed and continues there at the next request", () => {
    const run = failed();
    run.agentEnds("undo-hotel", "FAILED");
    expect(run.run.state).toBe("COMPENSATING");
    run.agentEnds("undo-car", "COMPLETED", {});
    expect(run.run.state).toBe("FAILED");
    expect(run.states).toContain("flight:COMPLETED");
    run.put({ kind: "compensate_requested", reason: "again" });
    expect(run.calls).toEqual(["undo-hotel:create_objective"]);
    expect(run.callFor("undo-hotel", "create_objective").attempt).toBe(2);
    run.agentEnds("undo-hotel", "COMPLETED", {});
    run.agentEnds("undo-flight", "COMPLETED", {});
    expect(run.states).toContain("flight:COMPENSATED hotel:COMPENSATED");
    expect(run.put({ kind: "compensate_requested", reason: "" })).toEqual({ kind: "unchanged" });
  });

  it("compensates a step that was cancelled after its call may have been carried out", () => {
    const run = EngineRun.start(spec);
    run.put({ kind: "compensate_requested", reason: "" });
    expect(run.run.state).toBe("COMPENSATING");
    expect(run.states).toContain("flight:CANCELLED");
    expect(run.calls).toContain("undo-flight:create_objective");
  });

  it("ends a running run with nothing to compensate FAILED and compensated", () => {
    const run = EngineRun.start(version([step({ id: "t" })]));
    run.put({ kind: "compensate_requested", reason: "" });
    expect(run.run.state).toBe("FAILED");
    expect(run.events).toEqual([
      "run.started",
      "t.started",
      "t.waiting",
      "t.cancelled",
      "run.compensate",
      "run.compensated",
    ]);
  });
});

describe("deadline", () => {
  it("fails a paused run too and says so in the steps in flight", () => {
    const run = EngineRun.start(version([step({ id: "t" })], [], { timeoutSeconds: 60 }));
    run.put({ kind: "pause_requested", reason: "" });
    expect(run.put({ kind: "deadline_passed" })).toEqual({ kind: "unchanged" });
    run.now += 60_000;
    run.put({ kind: "deadline_passed" });
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)?.errorMessage).toContain("deadline");
  });
});
