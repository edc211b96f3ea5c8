/** Input and reports of an attempt: inputs that do not fit, fallbacks that choose, ids that a caller names. */
import { describe, expect, it } from "vitest";
import { MAX_COST_USD } from "../../../src/engine/values/limits.ts";
import { calling, compensate, open, started } from "../../support/engine/engine-parent.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const RETRY = { maxRetries: 1, backoffSeconds: 0, backoffMultiplier: 1 };
const LARGE = { text: "x".repeat(150 * 1024) };

describe("an input", () => {
  it("that is too large once it is rendered fails the step for good", () => {
    const input = { one: "{{ text }}", other: "{{ text }}" };
    const spec = version([step({ id: "a", retryPolicy: RETRY, config: { input } })]);
    const run = EngineRun.start(spec, LARGE);
    expect(run.run.state).toBe("FAILED");
    expect(run.rows.get(0)).toMatchObject({
      retryCount: 0,
      errorMessage: expect.stringMatching(/^input has/),
    });
  });

  it("that cannot be rendered fails the attempt", () => {
    const config = { input: { n: "{{ 1 / input.n }}" } };
    const run = EngineRun.start(version([step({ id: "a", retryPolicy: RETRY, config })]), { n: 0 });
    expect(run.events).toEqual([
      ...["run.started", "a.started", "a.retrying", "a.started", "a.failed", "run.failed"],
    ]);
  });

  it("of a compensation that is too large fails it, unless its config.input takes less", () => {
    const stateAfter = (config: object) => {
      const a = step({ id: "a", compensationStepId: "undo" });
      const run = EngineRun.start(
        version([a, step({ id: "undo", config: { ...config } }), step({ id: "b" })], [edge("a>b")]),
        LARGE,
      );
      run.report("a", "COMPLETED", { output: LARGE });
      run.put(compensate);
      return run.state("undo");
    };
    expect(stateAfter({})).toBe("FAILED");
    expect(stateAfter({ input: { step: "{{ step_id }}" } })).toBe("WAITING");
  });
});

describe("a branch that goes on after a failure", () => {
  it("is chosen by its fallback output", () => {
    const config = { on_error: "fallback", fallback_output: { value: "big" } };
    const run = EngineRun.start(
      version(
        [
          step({ id: "size", stepType: "BRANCH", conditionExpr: "input.no.such", config }),
          step({ id: "big" }),
          step({ id: "small" }),
        ],
        [edge("size>big", "big"), edge("size>small", "small")],
      ),
    );
    expect(run.states).toBe("size:FAILED big:WAITING small:SKIPPED");
  });
});

describe("a cost", () => {
  it("that no sum could hold is not counted", () => {
    const run = EngineRun.start(version([step({ id: "a" })]));
    run.report("a", "COMPLETED", { costUsd: MAX_COST_USD * 2 });
    expect(run.run.totalCostUsd).toBe(0);
  });
});

describe("a request that a caller knows", () => {
  it("decides a gate whose own request was not answered yet", () => {
    const run = EngineRun.start(
      version([step({ id: "g", stepType: "APPROVAL_GATE", actionType: "buy" })]),
    );
    run.report("g", "WAITING", { approvalRequestId: "ap-known" });
    const report = { requestId: "ap-known", decision: "APPROVED", decidedBy: "eve" };
    run.put({
      kind: "approval_decided",
      stepIndex: 0,
      report: { ...report, reason: "", digest: "" },
    });
    expect(run.state("g")).toBe("COMPLETED");
  });
});

describe("a start in flight", () => {
  it("of an earlier attempt is awaited before anything is compensated", () => {
    const run = EngineRun.start(version([{ ...calling(), retryPolicy: RETRY, timeoutSeconds: 5 }]));
    run.now += 5_000;
    run.put({ kind: "step_due", stepIndex: 0 });
    run.put(compensate);
    started(run, 0, 2);
    expect(open(run, "compensate_run")).toEqual([]);
    started(run, 0, 1);
    expect(open(run, "compensate_run")).toHaveLength(2);
  });
});
