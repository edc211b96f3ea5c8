import { describe, expect, it } from "vitest";
import { retryDelayMs } from "../../../src/engine/flow/retry.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const agent = (id: string, more = {}) =>
  step({ id, stepType: "AGENT_ACTION", agentId: "a1", ...more });

describe("edges decide", () => {
  it("runs a line to its end and merges the last output into the run's", () => {
    const run = EngineRun.start(version([agent("a"), agent("b")], [edge("a>b")]), { n: 1 });
    expect(run.states).toBe("a:RUNNING b:PENDING");
    run.agentEnds("a", "COMPLETED", { x: 2 }, 0.1);
    expect(run.inputOf("b")).toEqual({ x: 2 });
    run.agentEnds("b", "COMPLETED", { y: 3 }, 0.2);
    expect(run.run.state).toBe("COMPLETED");
    expect(run.view().output).toEqual({ y: 3 });
    expect(run.run.totalCostUsd).toBe(0.3);
    expect(run.events).toEqual([
      "run.started",
      "a.started",
      "a.completed",
      "b.started",
      "b.completed",
      "run.completed",
    ]);
  });

  it("takes one edge of a branch and skips the dead path up to the join", () => {
    const spec = version(
      [
        step({ id: "gate", stepType: "BRANCH", conditionExpr: "amount >= 10" }),
        step({ id: "big" }),
        step({ id: "small" }),
        step({ id: "after-small" }),
        step({ id: "join" }),
      ],
      [
        edge("gate>big", "true"),
        edge("gate>small", "false"),
        edge("small>after-small"),
        edge("after-small>join"),
        edge("big>join"),
      ],
    );
    const run = EngineRun.start(spec, { amount: 12 });
    expect(run.states).toBe(
      "gate:COMPLETED big:WAITING small:SKIPPED after-small:SKIPPED join:PENDING",
    );
    expect(run.output("gate")).toEqual({ amount: 12, value: true, selected_edge: "true" });
    run.report("big", "COMPLETED", { output: { ok: true } });
    expect(run.inputOf("join")).toEqual({ ok: true });
  });

  it("fails a branch whose expression fails, naming the missing name", () => {
    const spec = version(
      [step({ id: "gate", stepType: "BRANCH", conditionExpr: "amuont >= 10" }), step({ id: "b" })],
      [edge("gate>b", "true")],
    );
    const run = EngineRun.start(spec, { amount: 12 });
    expect(run.run.state).toBe("FAILED");
    expect(run.states).toBe("gate:FAILED b:CANCELLED");
    expect(run.rows.get(0)?.errorMessage).toContain("amuont");
  });

  it("names the value by the expression's last name", () => {
    const spec = version(
      [
        agent("qualify-lead"),
        step({ id: "gate", stepType: "BRANCH", conditionExpr: "qualify_lead.output.tier" }),
        step({ id: "gold" }),
        step({ id: "rest" }),
      ],
      [edge("qualify-lead>gate"), edge("gate>gold", "gold"), edge("gate>rest", "default")],
    );
    const run = EngineRun.start(spec);
    run.agentEnds("qualify-lead", "COMPLETED", { tier: "gold" });
    expect(run.output("gate")).toEqual({ tier: "gold", value: "gold", selected_edge: "gold" });
    expect(run.states).toContain("gold:WAITING rest:SKIPPED");
  });
});

describe("a step that fails", () => {
  it("retries, then takes the error edge with the message", () => {
    const spec = version(
      [
        agent("a", { retryPolicy: { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 } }),
        step({ id: "mend" }),
        step({ id: "next" }),
      ],
      [edge("a>mend", "error"), edge("a>next")],
    );
    const run = EngineRun.start(spec, { k: 1 });
    run.agentEnds("a", "FAILED", undefined, 0.5);
    expect(run.rows.get(0)?.retryCount).toBe(1);
    run.agentEnds("a", "FAILED", undefined, 0.25);
    expect(run.states).toBe("a:FAILED mend:WAITING next:SKIPPED");
    expect(run.inputOf("mend")).toEqual({ k: 1, outcome: "error", error_message: "it broke" });
    expect(run.run.totalCostUsd).toBe(0.75);
    run.report("mend", "COMPLETED");
    expect(run.run.state).toBe("COMPLETED");
  });

  it("waits for the backoff by its timer and never begins early", () => {
    const spec = version([
      agent("a", { retryPolicy: { maxRetries: 1, backoffSeconds: 10, backoffMultiplier: 2 } }),
    ]);
    const run = EngineRun.start(spec);
    run.agentEnds("a", "FAILED");
    const due = run.rows.get(0)?.wakeAtMs ?? 0;
    expect(due - run.now).toBeGreaterThanOrEqual(9_000);
    expect(due - run.now).toBeLessThanOrEqual(11_000);
    run.now = due - 1;
    expect(run.put({ kind: "step_due", stepIndex: 0 })).toEqual({ kind: "unchanged" });
    expect(run.calls).toEqual([]);
    run.now = due;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.calls).toEqual(["a:create_objective"]);
    expect(run.callFor("a", "create_objective").id).toBe("wfr_test/a/2/create_objective");
  });

  it("records no objective between two attempts, so that no report ends the attempt that has not begun", () => {
    const spec = version([
      agent("a", { retryPolicy: { maxRetries: 1, backoffSeconds: 10, backoffMultiplier: 1 } }),
    ]);
    const run = EngineRun.start(spec);
    run.agentEnds("a", "FAILED");
    run.report("a", "RUNNING", { objectiveId: "o-else" });
    expect(run.rows.get(0)?.objectiveId).toBe("");
    run.report("a", "WAITING", { objectiveId: "o-else" });
    expect(run.rows.get(0)?.objectiveId).toBe("");
    run.now += 11_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    run.agentEnds("a", "COMPLETED", { n: 2 });
    expect(run.output("a")).toEqual({ n: 2 });
  });

  it("drops the last failure when it is completed by hand between two attempts", () => {
    const spec = version([
      agent("a", { retryPolicy: { maxRetries: 1, backoffSeconds: 10, backoffMultiplier: 1 } }),
    ]);
    const run = EngineRun.start(spec);
    run.agentEnds("a", "FAILED");
    expect(run.rows.get(0)?.errorMessage).not.toBe("");
    run.report("a", "COMPLETED");
    expect(run.rows.get(0)).toMatchObject({ state: "COMPLETED", errorMessage: "" });
  });

  it("waits no longer than a day, its jitter included", () => {
    const policy = { maxRetries: 1000, backoffMs: 1_000, multiplier: 10 };
    const day = 24 * 3600 * 1000;
    const delays = Array.from({ length: 20 }, (_, n) => retryDelayMs(policy, 900, `seed ${n}`));
    expect(delays).toEqual(delays.map(() => day));
    expect(retryDelayMs({ ...policy, backoffMs: 0 }, 900, "")).toBe(0);
  });

  it("goes on with the fallback output and fails for good otherwise", () => {
    const config = { on_error: "fallback", fallback_output: { tier: "none" } };
    const run = EngineRun.start(
      version([agent("a", { config }), step({ id: "b" })], [edge("a>b")]),
    );
    run.agentEnds("a", "FAILED");
    expect(run.states).toBe("a:FAILED b:WAITING");
    expect(run.inputOf("b")).toEqual({ tier: "none" });
    const stop = EngineRun.start(version([agent("a"), step({ id: "b" })], [edge("a>b")]));
    stop.agentEnds("a", "FAILED");
    expect(stop.run.state).toBe("FAILED");
    expect(stop.states).toBe("a:FAILED b:CANCELLED");
  });

  it.each([
    [
      "is over the limits",
      { a: "{{ input.t }}", b: "{{ input.t }}" },
      "fallback_output has 400015 bytes",
    ],
    ["cannot be made", { a: "{{ nothing }}" }, "nothing"],
  ])("fails when its fallback output %s, and says so", (_, fallback_output, expected) => {
    const config = { on_error: "fallback", fallback_output };
    const spec = version([step({ id: "a", config }), step({ id: "b" })], [edge("a>b")]);
    const run = EngineRun.start(spec, { t: "x".repeat(200_000) });
    run.report("a", "FAILED", { errorMessage: "no tier" });
    expect(run.states).toBe("a:FAILED b:CANCELLED");
    expect(run.rows.get(0)?.errorMessage).toContain(expected);
    expect(run.rows.get(0)?.errorMessage).toContain("no tier");
  });

  it("is caught by its timeout label and does not count as success", () => {
    const spec = version(
      [agent("a", { timeoutSeconds: 5 }), step({ id: "late" }), step({ id: "ok" })],
      [edge("a>late", "timeout"), edge("a>ok")],
    );
    const run = EngineRun.start(spec, { k: 1 });
    run.answer("a", { kind: "create_objective", objectiveId: "o1" });
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    expect(run.states).toBe("a:COMPLETED late:WAITING ok:SKIPPED");
    expect(run.inputOf("late")).toEqual({ k: 1, outcome: "timeout" });
    expect(run.calls).toEqual(["a:cancel_objective"]);
  });
});

it("a timeout_action catches with its own label, next to timeout", () => {
  const config = { timeout_action: "escalate" };
  const spec = version(
    [agent("a", { timeoutSeconds: 5, config }), step({ id: "up" }), step({ id: "late" })],
    [edge("a>up", "escalate"), edge("a>late", "timeout")],
  );
  const run = EngineRun.start(spec);
  run.now += 5_000;
  run.put({ kind: "step_due", stepIndex: 0 });
  expect(run.states).toBe("a:COMPLETED up:WAITING late:WAITING");
});

describe("parallel", () => {
  const spec = (config = {}) =>
    version(
      [
        step({ id: "p", stepType: "PARALLEL", config }),
        step({ id: "x" }),
        step({ id: "y" }),
        step({ id: "done" }),
      ],
      [edge("p>x"), edge("p>y"), edge("p>done", "joined")],
    );

  it("joins when all children succeeded, with their outputs", () => {
    const run = EngineRun.start(spec(), { k: 1 });
    expect(run.states).toBe("p:RUNNING x:WAITING y:WAITING done:PENDING");
    expect(run.inputOf("x")).toEqual({ k: 1 });
    run.report("x", "COMPLETED", { output: { a: 1 } });
    run.report("y", "COMPLETED", { output: { b: 2 } });
    expect(run.inputOf("done")).toEqual({ k: 1, children: { x: { a: 1 }, y: { b: 2 } } });
  });

  it("cancels the rest once enough succeeded", () => {
    const run = EngineRun.start(spec({ required: 1 }));
    run.report("y", "COMPLETED");
    expect(run.states).toBe("p:COMPLETED x:CANCELLED y:COMPLETED done:WAITING");
  });

  it("fails as soon as the number cannot be reached", () => {
    const run = EngineRun.start(spec());
    run.report("x", "FAILED", { errorMessage: "no" });
    expect(run.run.state).toBe("FAILED");
    expect(run.states).toBe("p:FAILED x:FAILED y:CANCELLED done:CANCELLED");
  });
});
