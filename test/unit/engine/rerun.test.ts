import { describe, expect, it } from "vitest";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import { markWithState, SUCCEEDED } from "../../../src/engine/values/run.ts";
import { quickestCpuMs } from "../../support/assertions/cpu-time.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";
import { orderOf, planOf, rerun } from "../../support/engine/rerun-of.ts";

// A look at all steps for each PARALLEL takes several times as long.
const CPU_AT_MOST_MS = 20;
const agent = (id: string, more = {}) =>
  step({ id, stepType: "AGENT_ACTION", agentId: "a1", ...more });
const undone = (id: string) => [
  agent(id, { compensationStepId: `undo_${id}` }),
  step({ id: `undo_${id}` }),
];
const GATE = { id: "gate", name: "Gate", stepType: "APPROVAL_GATE", actionType: "pay" } as const;
const PAYMENT = version(
  [...undone("book"), step(GATE), ...undone("pay"), agent("tell")],
  [edge("book>gate"), edge("gate>pay", "approved"), edge("pay>tell")],
);

/** A run that failed in its last step, after an approval and two steps that can be undone. */
function failed(): EngineRun {
  const run = EngineRun.start(PAYMENT, { n: 1 });
  run.agentEnds("book", "COMPLETED", { seat: 7 });
  run.report("gate", "COMPLETED");
  run.agentEnds("pay", "COMPLETED", { paid: 40 });
  run.agentEnds("tell", "FAILED");
  return run;
}

/** `step:act` or `step:act(why)`, in the version's order; a void approval has a `!`. */
function actsOf(run: EngineRun, ...more: [wish?: object, spec?: VersionSpec]): string {
  const [wish = {}, spec] = more;
  const graph = spec === undefined ? run.graph : compileGraph(spec);
  return planOf(run, wish, graph)
    .steps.map(({ index, act, why, isApprovalVoid }) => {
      const id = graph.steps[index]?.def.id;
      return `${id}:${act}${why === undefined ? "" : `(${why})`}${isApprovalVoid ? "!" : ""}`;
    })
    .join(" ");
}

/** As if every step had succeeded. */
function completeAll({ run, graph }: EngineRun): void {
  for (const { index } of graph.steps) {
    run.stepMarks[index] = markWithState(SUCCEEDED, "COMPLETED");
  }
}

/** Compensates a run to its end; the steps that it undid, in order. */
function compensate(run: EngineRun): string[] {
  const undoing: string[] = [];
  run.put({ kind: "compensate_requested", reason: "" });
  for (;;) {
    const open = run.graph.steps.find(
      ({ index, isCompensation }) => isCompensation && run.rows.get(index)?.state === "WAITING",
    );
    if (open === undefined) return undoing;
    undoing.push(open.def.id);
    run.report(open.def.id, "COMPLETED");
  }
}

describe("a rerun from the failed step", () => {
  it("does what its plan says", () => {
    const old = failed();
    expect(actsOf(old)).toBe("book:reuse gate:reuse pay:reuse tell:run(not_completed)");
    const { reply, run } = rerun(old, planOf(old));
    expect(reply).toEqual({ kind: "applied" });
    expect(run.states).toBe("book:COMPLETED gate:COMPLETED pay:COMPLETED tell:RUNNING");
    expect(run.calls).toEqual(["tell:create_objective"]);
    expect(run.inputOf("tell")).toEqual(old.inputOf("tell"));
    expect(run.run).toMatchObject({ totalCostUsd: 0, rerun: { of: old.run.id } });
    run.agentEnds("tell", "COMPLETED", { told: true });
    expect(run.run.state).toBe("COMPLETED");
  });

  it("undoes each step once, whichever run is compensated first", () => {
    for (const first of ["old", "new"]) {
      const old = failed();
      const { run } = rerun(old, planOf(old));
      run.agentEnds("tell", "FAILED");
      const undone =
        first === "old"
          ? [compensate(old), compensate(run)]
          : [compensate(run), compensate(old)].reverse();
      expect(undone).toEqual([[], ["undo_pay", "undo_book"]]);
    }
  });

  it("leaves to the older run what it undid before, and what only that one can undo", () => {
    const old = failed();
    old.put({ kind: "compensate_requested", reason: "" });
    old.report("undo_pay", "COMPLETED");
    old.report("undo_book", "FAILED");
    expect(old.run.state).toBe("FAILED");
    expect(actsOf(old)).toBe("book:reuse gate:reuse pay:run(undone) tell:later(not_completed)");
    const { run } = rerun(old, planOf(old));
    expect(run.states).toBe("book:COMPLETED gate:COMPLETED pay:RUNNING tell:PENDING");
    expect(compensate(old)).toEqual([]);
    run.agentEnds("pay", "FAILED");
    expect(compensate(run)).toEqual(["undo_pay", "undo_book"]);
  });

  it("keeps the owner's ids with the older run, so that no report reaches two", () => {
    const old = failed();
    const { run } = rerun(old, planOf(old));
    expect(run.rows.get(0)).toMatchObject({ objectiveId: "", output: { seat: 7 } });
    expect(run.history[0]?.moves).toContainEqual(
      expect.objectContaining({ step: 0, from: "PENDING", to: "COMPLETED", note: "reused" }),
    );
  });

  it("can be rerun itself, and the undo goes with it", () => {
    const old = failed();
    const second = rerun(old, planOf(old)).run;
    second.agentEnds("tell", "FAILED");
    const third = rerun(second, planOf(second)).run;
    third.agentEnds("tell", "FAILED");
    expect([compensate(old), compensate(second)]).toEqual([[], []]);
    expect(compensate(third)).toEqual(["undo_pay", "undo_book"]);
  });
});

describe("what is not reused", () => {
  it("is a step that is named, and what follows it; its approval is void", () => {
    const old = failed();
    expect(actsOf(old, { fromStepId: "gate" })).toBe(
      "book:reuse gate:run(asked)! pay:later(downstream) tell:later(not_completed)",
    );
    const { run } = rerun(old, planOf(old, { fromStepId: "gate" }));
    expect(run.calls).toEqual(["gate:request_approval"]);
    // What pay did belongs to the older run: the new one pays again.
    expect(compensate(old)).toEqual(["undo_pay"]);
  });

  it("is anything of a run with another input", () => {
    expect(actsOf(failed(), { hasNewInput: true })).toBe(
      "book:run(input) gate:later(input)! pay:later(input) tell:later(input)",
    );
  });

  it("is a step that the version changed, and what follows it", () => {
    const steps = PAYMENT.steps.map((each) =>
      each.id === "pay" ? { ...each, config: { instructions: "in euros" } } : each,
    );
    expect(actsOf(failed(), {}, { ...PAYMENT, steps })).toBe(
      "book:reuse gate:reuse pay:run(changed) tell:later(not_completed)",
    );
    const edges = PAYMENT.edges.map((each) =>
      each.toStepId === "pay" ? { ...each, conditionExpr: "n > 0" } : each,
    );
    expect(actsOf(failed(), {}, { ...PAYMENT, edges })).toContain("gate:reuse pay:later(changed)");
  });

  it("is what reads a step that runs, wherever both stand in the version", () => {
    const steps = [
      agent("asks", { config: { instructions: "{{ told.output.n }}" } }),
      agent("leads"),
      agent("next"),
      agent("told"),
    ];
    const next = { ...edge("leads>next"), conditionExpr: "told.output.n > 0" };
    const run = EngineRun.start(version(steps, [next]));
    completeAll(run);
    expect(actsOf(run, { fromStepId: "told" })).toBe(
      "asks:run(downstream) leads:run(downstream) next:later(downstream) told:run(asked)",
    );
  });

  it("is found quickly, also where it goes from one PARALLEL to the next by what they read", () => {
    const ids = Array.from({ length: 300 }, (_, at) => at);
    const steps = ids.flatMap((at) => [
      step({ id: `fan${at}`, stepType: "PARALLEL" }),
      agent(`a${at}`, at === 0 ? {} : { config: { instructions: `{{ b${at - 1}.output.n }}` } }),
      agent(`b${at}`),
    ]);
    const edges = ids.flatMap((at) => [edge(`fan${at}>a${at}`), edge(`fan${at}>b${at}`)]);
    const run = EngineRun.start(version(steps, edges));
    completeAll(run);
    const plan = () => planOf(run, { fromStepId: "a0" });
    expect(plan().steps.every(({ act }) => act !== "reuse")).toBe(true);
    expect(quickestCpuMs(plan, CPU_AT_MOST_MS)).toBeLessThanOrEqual(CPU_AT_MOST_MS);
  });

  it("is what undid a step, by a version in which it is a step of the way", () => {
    const spec = version([...undone("book"), agent("tell")], [edge("book>tell")]);
    const run = EngineRun.start(spec);
    run.agentEnds("book", "COMPLETED", {});
    run.agentEnds("tell", "FAILED");
    expect(compensate(run)).toEqual(["undo_book"]);
    const steps = spec.steps.map(({ compensationStepId: _, ...each }) => step(each));
    expect(actsOf(run, {}, { ...spec, steps })).toContain("undo_book:run(changed)");
  });

  it("is a PARALLEL of which a child failed, with all its children", () => {
    const spec = version(
      [step({ id: "fan", stepType: "PARALLEL" }), agent("a"), agent("b"), agent("c")],
      [edge("fan>a"), edge("fan>b"), edge("fan>c", "joined")],
    );
    const run = EngineRun.start(spec);
    run.agentEnds("a", "COMPLETED", { x: 1 });
    run.agentEnds("b", "FAILED");
    expect(actsOf(run)).toBe(
      "fan:run(not_completed) a:later(downstream) b:later(not_completed) c:later(not_completed)",
    );
    const again = EngineRun.start(spec);
    for (const id of ["a", "b"]) again.agentEnds(id, "COMPLETED", { [id]: 1 });
    again.agentEnds("c", "FAILED");
    expect(actsOf(again, { fromStepId: "b" })).toContain("fan:run(parallel) a:later(downstream)");
    const { run: other } = rerun(again, planOf(again));
    expect(other.states).toBe("fan:COMPLETED a:COMPLETED b:COMPLETED c:RUNNING");
    expect(other.inputOf("c")).toEqual(again.inputOf("c"));
  });
});

describe("Rerun at the older run", () => {
  it("is refused twice, of a run that moved since, and of one that has not ended", () => {
    const old = failed();
    const order = orderOf(old, planOf(old));
    rerun(old, planOf(old));
    const twice = old.put(order);
    expect(twice).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("rerun already"),
    });
    expect(old.run.state).toBe("FAILED");
    const moved = failed();
    const stale = orderOf(moved, planOf(moved));
    expect(compensate(moved)).toEqual(["undo_pay", "undo_book"]);
    expect(moved.put(stale)).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("has moved since"),
    });
    const open = EngineRun.start(PAYMENT);
    expect(open.put(orderOf(open, planOf(open)))).toMatchObject({
      message: expect.stringContaining("it is RUNNING"),
    });
  });

  it("is given back when the new run cannot be started", () => {
    const old = failed();
    old.put(orderOf(old, planOf(old)));
    const call = [...old.openCalls.values()].find((each) => each.call.kind === "start_rerun");
    expect(call).toMatchObject({ stepIndex: -1, id: `${old.run.id}/-/${old.run.seq}/start_rerun` });
    old.put({
      ...{ kind: "call_returned", callId: call?.id ?? "", call: "start_rerun" },
      ...{ stepIndex: -1, attempt: 0, result: { ok: false, message: "gone" } },
    });
    expect(old.run.rerun).toEqual({});
    expect(compensate(old)).toEqual(["undo_pay", "undo_book"]);
  });
});
