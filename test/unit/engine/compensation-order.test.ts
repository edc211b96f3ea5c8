import { describe, expect, it } from "vitest";
import { planCompensation } from "../../../src/engine/flow/compensation-order.ts";
import { markWithState, SUCCEEDED } from "../../../src/engine/values/run.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const agent = (id: string, more = {}) =>
  step({ id, stepType: "AGENT_ACTION", agentId: "a1", ...more });
const undone = (id: string) => [
  agent(id, { compensationStepId: `undo_${id}` }),
  step({ id: `undo_${id}` }),
];

/** `id@stage` in the order of the plan. */
function planOf({ graph, run }: EngineRun): string {
  return planCompensation(graph, run)
    .map(({ index, stage }) => `${graph.steps[index]?.def.id}@${stage}`)
    .join(" ");
}

describe("planCompensation", () => {
  it("gives what CompensateRun undoes, those of a stage side by side", () => {
    const steps = [...undone("a"), ...undone("b"), ...undone("c"), ...undone("d"), agent("e")];
    const edges = [edge("a>b"), edge("a>c"), edge("b>d"), edge("c>d"), edge("d>e")];
    const run = EngineRun.start(version(steps, edges));
    for (const id of ["a", "b", "c"]) run.agentEnds(id, "COMPLETED", {});
    run.agentEnds("d", "FAILED");
    expect(run.run.state).toBe("FAILED");
    // It failed after its objective was requested: its effect may exist.
    expect(planOf(run)).toMatch(/^d@1 (b@2 c@2|c@2 b@2) a@3$/);
    run.put({ kind: "compensate_requested", reason: "" });
    expect(run.states).toContain("undo_d:WAITING");
    run.report("undo_d", "COMPLETED");
    expect(run.states).toContain("undo_b:WAITING undo_c:WAITING");
    expect(planOf(run)).toMatch(/^(b@1 c@1|c@1 b@1) a@2$/);
  });

  it("counts a step in flight as cancelled first, and leaves out one that has not begun", () => {
    const steps = [...undone("a"), ...undone("b"), ...undone("c")];
    const run = EngineRun.start(version(steps, [edge("a>b"), edge("b>c")]));
    run.agentEnds("a", "COMPLETED", {});
    expect(planOf(run)).toBe("b@1 a@2");
  });

  it("of a long chain takes one pass", () => {
    const ids = Array.from({ length: 500 }, (_, n) => `s${n}`);
    const edges = ids.slice(1).map((id, n) => edge(`s${n}>${id}`));
    const { graph, run } = EngineRun.start(version(ids.flatMap(undone), edges));
    const { indexById } = graph;
    for (const id of ids) {
      run.stepMarks[indexById.get(id) ?? -1] = markWithState(SUCCEEDED, "COMPLETED");
    }
    const began = performance.now();
    const stages = planCompensation(graph, run).map(({ stage }) => stage);
    const tookMs = performance.now() - began;
    expect(stages).toEqual(ids.map((_, n) => n + 1));
    expect(tookMs).toBeLessThan(200);
  });
});
