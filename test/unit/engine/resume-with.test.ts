/** ResumeWith: other inputs of steps that have not begun, given to them when they begin. */
import { describe, expect, it, test } from "vitest";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const AGAIN = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
const SPEC = version(
  [
    step({ id: "first" }),
    step({ id: "pay", stepType: "AGENT_ACTION", agentId: "a1", retryPolicy: AGAIN }),
    step({ id: "tell", config: { input: { text: "{{ amount }} paid", to: "sam" } } }),
  ],
  [edge("first>pay"), edge("pay>tell")],
);

function pausedRun(): EngineRun {
  const run = EngineRun.start(SPEC, { amount: 900, to: { name: "Sam", mail: "s@x" } });
  run.put({ kind: "pause_requested", reason: "" });
  return run;
}

const resume = (run: EngineRun, inputs: Record<string, JsonObject>) =>
  run.put({ kind: "resume_requested", inputs });

describe("a step that has not begun", () => {
  it("begins with its input and the patch, after config.input", () => {
    const run = pausedRun();
    const inputs = { pay: { amount: 40, to: { mail: null } }, tell: { text: "{{ no }}" } };
    expect(resume(run, inputs)).toEqual({ kind: "applied" });
    expect(run.run.state).toBe("RUNNING");
    run.report("first", "COMPLETED", { output: { amount: 900, to: { name: "Sam", mail: "s@x" } } });
    expect(run.inputOf("pay")).toEqual({ amount: 40, to: { name: "Sam" } });
    run.agentEnds("pay", "COMPLETED", { amount: 41 });
    // A patch is a value, not a template.
    expect(run.inputOf("tell")).toEqual({ text: "{{ no }}", to: "sam" });
  });

  it("keeps the patch in each of its attempts", () => {
    const run = pausedRun();
    resume(run, { pay: { amount: 40 } });
    run.report("first", "COMPLETED", { output: { amount: 900 } });
    run.agentEnds("pay", "FAILED");
    expect(run.states).toContain("pay:RUNNING");
    expect(run.inputOf("pay")).toEqual({ amount: 40 });
    expect(run.callFor("pay", "create_objective").call).toMatchObject({
      description: expect.stringContaining('"attempt":2,'),
    });
    expect(run.callFor("pay", "create_objective").call).toMatchObject({
      description: expect.stringContaining('"input":{"amount":40}'),
    });
  });

  it("has the patch that came last, and those of other steps stay", () => {
    const run = pausedRun();
    resume(run, { pay: { amount: 1, note: "x" }, tell: { to: "ann" } });
    run.put({ kind: "pause_requested", reason: "" });
    resume(run, { pay: { amount: 2 } });
    run.report("first", "COMPLETED", { output: {} });
    expect(run.inputOf("pay")).toEqual({ amount: 2 });
    run.agentEnds("pay", "COMPLETED", { amount: 41 });
    expect(run.inputOf("tell")).toEqual({ text: "41 paid", to: "ann" });
  });

  it("is named in the history with the fields", () => {
    const run = pausedRun();
    resume(run, { pay: { amount: 1, note: "x" } });
    expect(run.history.at(-1)?.moves).toMatchObject([
      {
        of: "step",
        step: 1,
        from: "PENDING",
        to: "PENDING",
        note: "edited",
        reason: "amount, note",
      },
      { of: "run", from: "PAUSED", to: "RUNNING", op: "resume" },
    ]);
  });

  it("has the names of 20 fields in the history, of 100 characters each", () => {
    const run = pausedRun();
    const fields = [
      "a".repeat(100),
      "b".repeat(101),
      ...Array.from({ length: 19 }, (_, n) => `f${n}`),
    ];
    resume(run, { pay: Object.fromEntries(fields.map((field) => [field, 1])) });
    const shown = [fields[0], `${"b".repeat(100)}…`, ...fields.slice(2, 20)].join(", ");
    expect(run.history.at(-1)?.moves[0]).toMatchObject({ reason: shown });
  });

  it("fails where its input would be too large", () => {
    const run = pausedRun();
    resume(run, { pay: { memo: "x".repeat(60 * 1024) } });
    run.report("first", "COMPLETED", { output: { big: "y".repeat(220 * 1024) } });
    expect(run.rows.get(1)?.errorMessage).toContain("input has");
    expect(run.run.state).toBe("FAILED");
  });
});

describe("nothing is changed, and the run stays paused, for", () => {
  test.each<[string, Record<string, JsonObject>, object]>([
    ["a step that has begun", { pay: { n: 1 }, first: { n: 1 } }, { reason: "illegal_move" }],
    ["a step that there is not", { pay: { n: 1 }, none: { n: 1 } }, { reason: "unknown_step" }],
    [
      "more than 64 KiB",
      { pay: { a: "x".repeat(40_000) }, tell: { a: "x".repeat(40_000) } },
      { reason: "bad_input", field: "inputs" },
    ],
  ])("%s", (_, inputs, reply) => {
    const run = pausedRun();
    const rows = run.history.length;
    expect(resume(run, inputs)).toMatchObject({ kind: "refused", ...reply });
    expect([run.run.state, run.run.inputPatches, run.history.length]).toEqual([
      ...["PAUSED", undefined, rows],
    ]);
  });

  it("a step that undoes another one", () => {
    const undone = { stepType: "AGENT_ACTION", agentId: "a", compensationStepId: "undo" } as const;
    const steps = [step({ id: "a" }), step({ id: "b", ...undone }), step({ id: "undo" })];
    const run = EngineRun.start(version(steps, [edge("a>b")]));
    run.put({ kind: "pause_requested", reason: "" });
    expect(resume(run, { undo: { n: 1 } })).toMatchObject({ reason: "illegal_move" });
    expect(resume(run, { b: { n: 1 } })).toEqual({ kind: "applied" });
  });
});

test("a run that is not paused keeps its inputs, while ResumeRun leaves it as it is", () => {
  const run = EngineRun.start(SPEC, {});
  expect(resume(run, { pay: { n: 1 } })).toMatchObject({
    ...{ kind: "refused", reason: "illegal_move", from: "RUNNING" },
    message: "cannot change inputs of a run that is RUNNING",
  });
  expect(run.put({ kind: "resume_requested" })).toEqual({ kind: "unchanged" });
});

test("a step that is skipped has no use of its patch", () => {
  const steps = [step({ id: "a" }), step({ id: "yes" }), step({ id: "no" })];
  const edges = [edge("a>yes", "", "ok"), edge("a>no", "", "!ok")];
  const run = EngineRun.start(version(steps, edges));
  run.put({ kind: "pause_requested", reason: "" });
  resume(run, { no: { n: 1 } });
  run.report("a", "COMPLETED", { output: { ok: true } });
  expect(run.states).toBe("a:COMPLETED yes:WAITING no:SKIPPED");
});
