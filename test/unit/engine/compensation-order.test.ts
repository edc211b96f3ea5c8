import { describe, expect, it } from "vitest";
import { planCompensation } from "../../../src/engine/flow/compensation-order.ts";
import { markWithState, SUCCEEDED } from "../../../src/engine/values/run.ts";
import { quickestCpuMs } from "../../support/assertions/cpu-time.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

// Another pass for each step takes some 100 ms.
const CPU_AT_MOST_MS = 10;
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

  it("is quick for a chain of the largest version", () => {
    const ids = Array.from({ length: 500 }, (_, at) => `s${at}`);
    const edges = ids.slice(1).map((id, at) => edge(`s${at}>${id}`));
    const { graph, run } = EngineRun.start(version(ids.flatMap(undone), edges));
    run.state = "FAILED";
    for (const { index, isCompensation } of graph.steps) {
      if (!isCompensation) run.stepMarks[index] = markWithState(SUCCEEDED, "COMPLETED");
    }
    const plan = () => planCompensation(graph, run);
    expect(plan().map(({ stage }) => stage)).toEqual(ids.map((_, at) => at + 1));
    expect(quickestCpuMs(plan, CPU_AT_MOST_MS)).toBeLessThanOrEqual(CPU_AT_MOST_MS);
  });

  it("counts a step in flight as cancelled first, and leaves out one that has not begun", () => {
    const steps = [...undone("a"), ...undone("b"), ...undone("c")];
    const run = EngineRun.start(version(steps, [edge("a>b"), edge("b>c")]));
    run.agentEnds("a", "COMPLETED", {});
    expect(planOf(run)).toBe("b@1 a@2");
  });
});
