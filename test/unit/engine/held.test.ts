import { describe, expect, it } from "vitest";
import type { StepOrder, StepReport } from "../../../src/engine/values/input.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const HOLD = { config: { on_error: "hold" } };
const agent = (id: string, more = {}) =>
  step({ id, stepType: "AGENT_ACTION", agentId: "a1", ...HOLD, ...more });

function order(
  run: EngineRun,
  act: StepOrder["act"],
  stepId: string,
  more: Partial<StepOrder> = {},
) {
  return run.put({ kind: "step_ordered", order: { act, stepId, reason: "so", ...more } });
}

/** A run whose step `a` is held, before `b`. */
function heldRun(more = {}): EngineRun {
  const run = EngineRun.start(version([agent("a", more), step({ id: "b" })], [edge("a>b")]), {
    n: 1,
  });
  run.agentEnds("a", "FAILED");
  return run;
}

describe("config.on_error: hold", () => {
  it("holds the step with its error after its retries, and the run stays open", () => {
    const run = heldRun({
      retryPolicy: { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 },
    });
    expect(run.states).toBe("a:RUNNING b:PENDING");
    run.agentEnds("a", "FAILED");
    expect(run.states).toBe("a:WAITING b:PENDING");
    expect(run.run.state).toBe("RUNNING");
    expect(run.rows.get(0)).toMatchObject({
      errorMessage: "it broke",
      objectiveId: "",
      detail: { held: { sinceMs: run.now } },
    });
    expect(run.events.slice(-2)).toEqual(["a.started", "a.waiting"]);
  });

  it("keeps what a task asked for, as it was rendered", () => {
    const config = { ...HOLD.config, instructions: "Charge {{ input.n }} USD" };
    const run = EngineRun.start(version([step({ id: "a", stepType: "HUMAN_TASK", config })]), {
      n: 7,
    });
    run.put({
      kind: "step_reported",
      report: { stepId: "a", state: "FAILED", errorMessage: "no money" } as StepReport,
    });
    expect(run.states).toBe("a:WAITING");
    expect(run.rows.get(0)?.detail).toMatchObject({
      held: { sinceMs: run.now },
      asked: { instructions: "Charge 7 USD" },
    });
  });

  it("comes after the error edge", () => {
    const steps = [agent("a"), step({ id: "b" })];
    const run = EngineRun.start(version(steps, [edge("a>b", "error")]));
    run.agentEnds("a", "FAILED");
    expect(run.states).toBe("a:FAILED b:WAITING");
  });

  it("stops the step's timer, and the run's deadline ends it", () => {
    const spec = { ...version([agent("a", { timeoutSeconds: 5 })]), timeoutSeconds: 60 };
    const run = EngineRun.start(spec);
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.states).toBe("a:WAITING");
    expect(run.rows.get(0)?.timeoutAtMs).toBeUndefined();
    run.now += 54_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.states).toBe("a:WAITING");
    run.now += 1_000;
    run.put({ kind: "deadline_passed" });
    expect([run.states, run.run.state]).toEqual(["a:CANCELLED", "FAILED"]);
  });

  it("counts as open for a PARALLEL, and as succeeded once it is skipped", () => {
    const spec = version(
      [step({ id: "p", stepType: "PARALLEL" }), agent("a"), agent("b")],
      [edge("p>a"), edge("p>b")],
    );
    const run = EngineRun.start(spec);
    run.agentEnds("a", "FAILED");
    run.agentEnds("b", "COMPLETED", {});
    expect(run.states).toBe("p:RUNNING a:WAITING b:COMPLETED");
    order(run, "skip", "a");
    expect(run.states).toBe("p:COMPLETED a:COMPLETED b:COMPLETED");
  });

  it("takes no report of the attempt that failed", () => {
    const run = heldRun();
    const report = { owner: "objective", id: "obj-a-0", state: "COMPLETED" } as const;
    const late = { ...report, errorMessage: "", costUsd: 1, agentId: "", output: { x: 1 } };
    run.put({ kind: "owner_reported", stepIndex: 0, report: late });
    run.report("a", "COMPLETED", { objectiveId: "obj-a-0" });
    expect(run.states).toBe("a:WAITING b:PENDING");
    expect(run.run.totalCostUsd).toBe(0);
  });

  it.each([
    ["COMPLETED", "a:COMPLETED b:WAITING", "RUNNING"],
    ["FAILED", "a:FAILED b:CANCELLED", "FAILED"],
  ] as const)("is ended by TransitionStep to %s", (state, states, runState) => {
    const run = heldRun();
    expect(run.report("a", "RUNNING")).toMatchObject({ reason: "illegal_move" });
    run.report("a", state);
    expect([run.states, run.run.state]).toEqual([states, runState]);
  });

  it("takes no completion of the task that timed out", () => {
    const task = step({ id: "a", stepType: "HUMAN_TASK", timeoutSeconds: 5, ...HOLD });
    const run = EngineRun.start(version([task]));
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.rows.get(0)?.detail.held).toBeDefined();
    const ids = {
      objectiveId: "",
      delegationId: "",
      approvalRequestId: "",
      governanceDecision: "",
    };
    const report: StepReport = {
      ...{
        stepId: "a",
        state: "COMPLETED" as const,
        output: {},
        attempt: 1,
        agentId: "",
        errorMessage: "",
      },
      ...{ ...ids, eventId: "", notificationId: "", costUsd: 0 },
    };
    run.put({ kind: "step_reported", report });
    expect(run.states).toBe("a:WAITING");
    expect(run.rows.get(0)?.detail.held).toBeDefined();
  });

  it("is cancelled with its run, and compensated for what its attempts may have done", () => {
    const undo = step({ id: "undo", stepType: "AGENT_ACTION", agentId: "a1" });
    const run = EngineRun.start(version([agent("a", { compensationStepId: "undo" }), undo]));
    run.agentEnds("a", "FAILED");
    run.put({ kind: "compensate_requested", reason: "" });
    expect(run.states).toBe("a:CANCELLED undo:RUNNING");
  });
});

describe("RetryStep", () => {
  it("begins the next attempt beyond max_retries", () => {
    const run = heldRun();
    order(run, "retry", "a");
    expect(run.states).toBe("a:RUNNING b:PENDING");
    expect(run.rows.get(0)).toMatchObject({ retryCount: 1, errorMessage: "" });
    expect(run.events.slice(-2)).toEqual(["a.retrying", "a.started"]);
    run.agentEnds("a", "FAILED");
    expect(run.states).toBe("a:WAITING b:PENDING");
    order(run, "retry", "a");
    run.agentEnds("a", "COMPLETED", {});
    expect(run.states).toBe("a:COMPLETED b:WAITING");
  });

  it("gives the attempt in flight up, and cancels its objective", () => {
    const run = EngineRun.start(version([agent("a")]));
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    order(run, "retry", "a");
    expect(run.calls).toEqual(["a:cancel_objective", "a:create_objective"]);
    run.report("a", "COMPLETED", { objectiveId: "o1" });
    expect(run.states).toBe("a:RUNNING");
  });

  it("does not wait for the time of an automatic retry, and is the same attempt", () => {
    const retryPolicy = { maxRetries: 3, backoffSeconds: 60, backoffMultiplier: 1 };
    const run = heldRun({ retryPolicy });
    order(run, "retry", "a");
    expect(run.rows.get(0)?.retryCount).toBe(1);
    expect(run.calls).toEqual(["a:create_objective"]);
  });

  it("that names an attempt begins one next attempt, however often it comes", () => {
    const retryPolicy = { maxRetries: 1, backoffSeconds: 60, backoffMultiplier: 1 };
    const run = heldRun({ retryPolicy });
    // Between two attempts the latest one is the one that failed.
    expect(order(run, "retry", "a", { attempt: 2 })).toMatchObject({ reason: "illegal_move" });
    expect(order(run, "retry", "a", { attempt: 1 })).toEqual({ kind: "applied" });
    expect(order(run, "retry", "a", { attempt: 1 })).toMatchObject({ reason: "illegal_move" });
    expect(run.calls).toEqual(["a:create_objective"]);
    run.agentEnds("a", "FAILED");
    expect(order(run, "retry", "a", { attempt: 2 })).toEqual({ kind: "applied" });
    expect(order(run, "retry", "a", { attempt: 2 })).toMatchObject({
      message: "cannot retry step a: its latest attempt is 3, not 2",
    });
    expect(run.rows.get(0)?.retryCount).toBe(2);
  });

  it("begins at the resume where the run is paused", () => {
    const run = heldRun();
    run.put({ kind: "pause_requested", reason: "" });
    order(run, "retry", "a");
    expect(run.calls).toEqual([]);
    run.put({ kind: "resume_requested" });
    expect(run.calls).toEqual(["a:create_objective"]);
  });
});

describe("SkipStep, CompleteStep and FailStep", () => {
  const undone = { compensationStepId: "undo" };
  const undo = step({ id: "undo", stepType: "AGENT_ACTION", agentId: "a1" });

  it.each([
    ["skip", "COMPLETED"],
    ["complete", "COMPENSATED"],
  ] as const)("%s goes on with the output; after compensation the step is %s", (act, state) => {
    const steps = [agent("a", undone), step({ id: "b" }), undo];
    const run = EngineRun.start(version(steps, [edge("a>b")]));
    run.agentEnds("a", "FAILED");
    order(run, act, "a", { output: { x: 1 } });
    expect(run.inputOf("b")).toEqual({ x: 1 });
    expect(run.rows.get(0)?.errorMessage).toBe("");
    run.put({ kind: "compensate_requested", reason: "" });
    if (act === "complete") run.agentEnds("undo", "COMPLETED", {});
    expect([run.run.state, run.state("a")]).toEqual(["FAILED", state]);
  });

  it("a skipped gate takes no edge that names a decision", () => {
    const spec = version(
      [step({ id: "g", stepType: "APPROVAL_GATE", ...HOLD }), step({ id: "yes" })],
      [edge("g>yes", "approved")],
    );
    const run = EngineRun.start(spec);
    order(run, "skip", "g");
    expect(run.states).toBe("g:COMPLETED yes:SKIPPED");
    const other = EngineRun.start(spec);
    order(other, "complete", "g");
    expect(other.states).toBe("g:COMPLETED yes:WAITING");
  });

  it.each(["skip", "complete", "fail"] as const)("%s takes a task back from its worker", (act) => {
    const config = { queue: "q" };
    const run = EngineRun.start(version([step({ id: "a", stepType: "AGENT_ACTION", config })]));
    order(run, act, "a");
    expect(run.tasks.flatMap(({ cancelled }) => cancelled)).toHaveLength(1);
    expect(run.run.state).toBe(act === "fail" ? "FAILED" : "COMPLETED");
  });

  it("FailStep acts as stop, whatever on_error says, and keeps the error of a held step", () => {
    const run = heldRun();
    order(run, "fail", "a");
    expect([run.states, run.run.state]).toEqual(["a:FAILED b:CANCELLED", "FAILED"]);
    expect(run.rows.get(0)?.errorMessage).toBe("it broke");
    const spec = version(
      [agent("z", undone), agent("a", { config: { on_error: "compensate" } }), undo],
      [edge("z>a")],
    );
    const other = EngineRun.start(spec);
    other.agentEnds("z", "COMPLETED", {});
    order(other, "fail", "a");
    expect([other.states, other.run.state]).toEqual(["z:COMPLETED a:FAILED", "FAILED"]);
    expect(other.rows.get(1)?.errorMessage).toBe("so");
  });

  it.each(["retry", "skip", "complete", "fail"] as const)("%s refuses what is not open", (act) => {
    const run = heldRun();
    expect(order(run, act, "b")).toMatchObject({ reason: "illegal_move", from: "PENDING" });
    expect(order(run, act, "none")).toMatchObject({ reason: "unknown_step" });
    run.put({ kind: "cancel_requested", reason: "" });
    expect(order(run, act, "a")).toMatchObject({ reason: "illegal_move", from: "CANCELLED" });
    expect(run.states).toBe("a:CANCELLED b:CANCELLED");
  });
});
