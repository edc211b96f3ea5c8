/** What an agent's work cost: from reports, or from the meter when no report has it. */
import { describe, expect, it } from "vitest";
import type { StepDefinition } from "../../../src/engine/values/definition.ts";
import type { OwnerReport } from "../../../src/engine/values/input.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const RETRY = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };

/** A run of one agent action, `a`, whose objective is made; then `b`, by hand. */
function started(given: Partial<StepDefinition> = {}, costsFromMeter = true): EngineRun {
  const agent = step({ id: "a", stepType: "AGENT_ACTION", agentId: "x", ...given });
  const run = new EngineRun(version([agent, step({ id: "b" })], [edge("a>b")]));
  run.lookups = {
    find: (call) => ({ agentId: call.agentId || "x", skillId: "" }),
    costsFromMeter,
  };
  run.put({ kind: "run_begun" });
  run.answer("a", { kind: "create_objective", objectiveId: "o1" });
  return run;
}

const ENDED: OwnerReport = {
  owner: "objective",
  id: "o1",
  state: "COMPLETED",
  errorMessage: "",
  costUsd: 0,
  agentId: "",
};

function report(run: EngineRun, more: Partial<OwnerReport>) {
  return reportBare(run, { output: { n: 1 }, ...more });
}

function reportBare(run: EngineRun, more: Partial<OwnerReport> = {}) {
  return run.put({ kind: "owner_reported", stepIndex: 0, report: { ...ENDED, ...more } });
}

const metered = (run: EngineRun, costUsd: number) =>
  run.answer("a", { kind: "query_usage", costUsd });

describe("the cost of an agent's attempt", () => {
  it("that a report carries is taken, and the meter is not asked", () => {
    const run = started();
    report(run, { costUsd: 0.5 });
    expect(run.calls).toEqual([]);
    expect(run.states).toBe("a:COMPLETED b:WAITING");
    expect(run.run.totalCostUsd).toBe(0.5);
  });

  it("that no report carries is read from the meter before the step ends, and is in its event", () => {
    const run = started();
    report(run, {});
    expect(run.states).toBe("a:RUNNING b:PENDING");
    const { call } = run.callFor("a", "query_usage");
    expect(call).toEqual({ kind: "query_usage", runId: "wfr_test", stepId: "a" });
    metered(run, 0.25);
    expect(run.output("a")).toEqual({ n: 1 });
    expect(run.rows.get(0)?.detail.pendingEnd).toBeUndefined();
    expect(run.history.at(-1)?.moves[0]).toMatchObject({ op: "completed", cost: 0.25 });
    expect(run.run.totalCostUsd).toBe(0.25);
  });

  it("is 0 when the meter refuses, or is not configured", () => {
    const refused = started();
    report(refused, {});
    refused.answer("a", "no such key", "query_usage");
    const unset = started({}, false);
    report(unset, {});
    for (const run of [refused, unset]) {
      expect(run.states).toBe("a:COMPLETED b:WAITING");
      expect(run.run.totalCostUsd).toBe(0);
    }
  });

  it("of a failed attempt is asked too, and the next attempt adds only what is new", () => {
    const run = started({ retryPolicy: RETRY });
    report(run, { state: "FAILED", errorMessage: "no luck" });
    expect(run.rows.get(0)?.retryCount).toBe(0);
    metered(run, 0.3);
    expect(run.rows.get(0)).toMatchObject({ retryCount: 1, costUsd: 0.3 });
    run.answer("a", { kind: "create_objective", objectiveId: "o2" });
    report(run, { id: "o2" });
    // The meter knows the step, not the attempt.
    metered(run, 0.4);
    expect(run.rows.get(0)).toMatchObject({ state: "COMPLETED", costUsd: 0.4 });
    expect(run.run.totalCostUsd).toBe(0.4);
  });

  it("that the meter gives below the counted sum changes nothing", () => {
    const run = started({ retryPolicy: RETRY });
    report(run, { state: "FAILED", costUsd: 0.3 });
    run.answer("a", { kind: "create_objective", objectiveId: "o2" });
    report(run, { id: "o2" });
    metered(run, 0.1);
    expect(run.run.totalCostUsd).toBe(0.3);
  });
});

describe("while the meter is asked", () => {
  it("the end of the objective of a failed delegation brings the cost, and again it is a repeat", () => {
    const run = started({ config: { delegate: true } });
    run.answer("a", { kind: "delegate", delegationId: "d1", agentId: "" });
    report(run, { owner: "delegation", id: "d1", state: "FAILED" });
    expect(run.states).toBe("a:RUNNING b:PENDING");
    const ended = () => report(run, { costUsd: 0.7 });
    ended();
    expect(run.states).toBe("a:FAILED b:CANCELLED");
    const before = { rows: structuredClone(run.rows), history: run.history.length };
    ended();
    expect({ rows: run.rows, history: run.history.length }).toEqual(before);
  });
  it("the first final report stands; a second one may only bring the cost", () => {
    const run = started();
    report(run, {});
    report(run, { state: "FAILED", errorMessage: "changed my mind" });
    expect(run.states).toBe("a:RUNNING b:PENDING");
    report(run, { output: { n: 2 }, costUsd: 0.7 });
    expect(run.output("a")).toEqual({ n: 1 });
    expect(run.run.totalCostUsd).toBe(0.7);
    expect(metered(run, 0.7)).toEqual({ kind: "unchanged" });
    expect(run.run.totalCostUsd).toBe(0.7);
  });

  it("the attempt does not time out any more", () => {
    const run = started({ timeoutSeconds: 5 });
    report(run, {});
    run.now += 60_000;
    expect(run.put({ kind: "step_due", stepIndex: 0 })).toEqual({ kind: "unchanged" });
    metered(run, 0);
    expect(run.states).toBe("a:COMPLETED b:WAITING");
  });

  it("the run can be cancelled, and the answer comes too late", () => {
    const run = started();
    report(run, {});
    run.put({ kind: "cancel_requested", reason: "" });
    expect(metered(run, 0.5)).toEqual({ kind: "unchanged" });
    expect(run.run).toMatchObject({ state: "CANCELLED", totalCostUsd: 0 });
  });

  it("a paused run takes the answer and goes on when it is resumed", () => {
    const run = started();
    report(run, {});
    run.put({ kind: "pause_requested", reason: "" });
    metered(run, 0.5);
    expect(run.states).toBe("a:COMPLETED b:PENDING");
    run.put({ kind: "resume_requested" });
    expect(run.states).toBe("a:COMPLETED b:WAITING");
    expect(run.run.totalCostUsd).toBe(0.5);
  });

  it("a delegation that is refused changes nothing, for the objective has ended", () => {
    const run = started({ config: { delegate: true } });
    report(run, {});
    run.answer("a", "no such agent", "delegate");
    metered(run, 0.5);
    expect(run.states).toBe("a:COMPLETED b:WAITING");
  });

  it("an output over the limits fails the step for good, with its cost", () => {
    const run = started({ retryPolicy: RETRY });
    report(run, { output: { text: "x".repeat(300_000) } });
    metered(run, 0.5);
    expect(run.run).toMatchObject({ state: "FAILED", totalCostUsd: 0.5 });
  });
});

describe("a delegated attempt", () => {
  it("asks for its output first, then for its cost", () => {
    const run = started({ config: { delegate: true } });
    run.answer("a", { kind: "delegate", delegationId: "d1", agentId: "" });
    reportBare(run);
    expect(run.calls).toEqual(["a:read_output"]);
    run.answer("a", { kind: "read_output", output: { n: 3 } });
    expect(run.calls).toEqual(["a:query_usage"]);
    metered(run, 0.1);
    expect(run.output("a")).toEqual({ n: 3 });
    expect(run.run.totalCostUsd).toBe(0.1);
  });

  it("that failed has its objective stopped once, also when the run is cancelled before its cost is known", () => {
    const run = started({ config: { delegate: true } });
    run.answer("a", { kind: "delegate", delegationId: "d1", agentId: "" });
    report(run, { owner: "delegation", id: "d1", state: "FAILED" });
    expect(run.calls.toSorted()).toEqual(["a:cancel_objective", "a:query_usage"]);
    run.answer("a", { kind: "cancel_objective" });
    run.put({ kind: "cancel_requested", reason: "" });
    expect(run.calls).toEqual(["a:query_usage"]);
  });

  it("takes output and cost from the delegation's report when it comes in between", () => {
    const run = started({ config: { delegate: true } });
    run.answer("a", { kind: "delegate", delegationId: "d1", agentId: "" });
    reportBare(run);
    report(run, { owner: "delegation", id: "d1", output: { n: 4 }, costUsd: 0.2 });
    expect(run.states).toBe("a:COMPLETED b:WAITING");
    expect(run.output("a")).toEqual({ n: 4 });
    expect(run.run.totalCostUsd).toBe(0.2);
    run.answer("a", { kind: "read_output", output: { n: 5 } });
    expect(run.output("a")).toEqual({ n: 4 });
  });
});
