/** A transition has a budget: what it does not allow is pending work of the run, done by further transitions. */
import { describe, expect, it } from "vitest";
import { openDraft } from "../../../src/engine/draft/draft.ts";
import { compileGraph } from "../../../src/engine/graph/compile.ts";
import type { Graph } from "../../../src/engine/graph/graph.ts";
import { replayHistory } from "../../../src/engine/replay.ts";
import { transition } from "../../../src/engine/transition.ts";
import { TRANSITION_UNITS } from "../../../src/engine/values/budget.ts";
import type { JsonObject } from "../../../src/engine/values/json.ts";
import { stateOfMark } from "../../../src/engine/values/run.ts";
import { calling, childReports, started } from "../../support/engine/engine-parent.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

const task = (id: string, more = {}) => step({ id, ...more });
const branch = (id: string, more = {}) => step({ id, stepType: "BRANCH", agentId: "", ...more });
const notify = (id: string, more = {}) =>
  step({ id, stepType: "NOTIFICATION", notificationChannel: "x", ...more });

/** A step whose edges all have a condition; only the last one holds. */
function fanOf(edges: number, from = notify("root")) {
  const targets = Array.from({ length: edges }, (_, n) => task(`s${n}`));
  const conditions = targets.map(({ id }, n) =>
    edge(`root>${id}`, "", `n == ${edges} && n > ${n}`),
  );
  return version([from, ...targets], conditions);
}

/** A run whose transitions have the smallest budget: a piece of work each. */
function inPieces(spec: Parameters<typeof compileGraph>[0], input: JsonObject = {}): EngineRun {
  const run = new EngineRun(spec, input);
  run.budget = 1;
  return run;
}

function startedInPieces(
  spec: Parameters<typeof compileGraph>[0],
  input: JsonObject = {},
): EngineRun {
  const run = inPieces(spec, input);
  run.put({ kind: "run_begun" });
  run.continueAll();
  return run;
}

/** Units that each transition of a run takes until nothing is pending. */
function unitsOf(graph: Graph, input: JsonObject): number[] {
  const at = new EngineRun(graph.spec, input, {}, { graph });
  const units: number[] = [];
  let rows = { run: at.run, steps: at.rows, input };
  for (let next: "run_begun" | "run_continued" = "run_begun"; ; next = "run_continued") {
    const draft = openDraft(graph, rows, at.now);
    transition(draft, { kind: next, cause: { kind: "engine", id: next } }, at.lookups);
    units.push(draft.budget.spent);
    const steps = new Map(rows.steps);
    for (const row of [...draft.rows.inserted, ...draft.rows.updated]) steps.set(row.index, row);
    rows = { run: draft.run, steps, input };
    if (draft.run.pending.length === 0) return units;
  }
}

describe("a transition's budget", () => {
  it("leaves expensive conditions to further transitions, a bounded amount of work each", () => {
    const edges = 12;
    const targets = Array.from({ length: edges }, (_, n) => task(`s${n}`));
    const expensive = "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false";
    const conditions = targets.map(({ id }) => edge(`root>${id}`, "", expensive));
    const graph = compileGraph(version([notify("root"), ...targets], conditions));
    const units = unitsOf(graph, { xs: Array.from({ length: 2_000 }, (_, n) => n + 1) });
    // One evaluation takes more than twice the budget: each transition makes one, and the last one skips the last step.
    expect(units).toHaveLength(edges + 1);
    expect(Math.max(...units)).toBeLessThan(4 * TRANSITION_UNITS);
  });

  it("bounds the bytes that one transition creates", () => {
    const roots = 100;
    const steps = Array.from({ length: roots }, (_, n) => notify(`s${n}`));
    const graph = compileGraph(version(steps));
    const input = { text: "x".repeat(250 * 1024) };
    const units = unitsOf(graph, input);
    expect(units.length).toBeGreaterThan(roots / 5);
    expect(Math.max(...units)).toBeLessThan(TRANSITION_UNITS + 300 * 1024);
  });

  it("does all that follows of a large run of small steps in few transitions", () => {
    const steps = Array.from({ length: 500 }, (_, n) => branch(`s${n}`));
    const edges = steps.slice(1).map(({ id }, n) => edge(`s${n}>${id}`));
    const last = task("end");
    const spec = version([...steps, last], [...edges, edge("s499>end")]);
    expect(unitsOf(compileGraph(spec), { n: 1 }).length).toBeLessThanOrEqual(2);
  });

  it("comes to the same run in pieces, with a history that gives its states", () => {
    const run = startedInPieces(fanOf(40), { n: 40 });
    const whole = EngineRun.start(fanOf(40), { n: 40 });
    expect(run.states).toBe(whole.states);
    expect(run.history.length).toBeGreaterThan(1);
    const replay = replayHistory(run.history);
    expect(replay.state).toBe("RUNNING");
    for (const [index, { state }] of replay.steps) {
      expect(state).toBe(stateOfMark(run.run.stepMarks[index] ?? 0));
    }
  });

  it("takes one edge of a branch that was chosen in pieces", () => {
    const targets = Array.from({ length: 9 }, (_, n) => task(`s${n}`));
    const edges = targets.map(({ id }, n) => edge(`root>${id}`, "", `n == ${n}`));
    const spec = version(
      [branch("root"), ...targets, task("else")],
      [...edges, edge("root>else", "default")],
    );
    const seventh = startedInPieces(spec, { n: 7 });
    expect(seventh.state("s7")).toBe("WAITING");
    expect(seventh.rows.get(0)?.detail.tried).toBeUndefined();
    expect(seventh.states.match(/WAITING/g)).toHaveLength(1);
    expect(startedInPieces(spec, { n: 99 }).state("else")).toBe("WAITING");
  });

  it("judges a PARALLEL when all its children are known", () => {
    const children = ["a", "b", "c"].map((id) => task(id));
    const spec = version(
      [step({ id: "both", stepType: "PARALLEL", agentId: "" }), ...children, task("after")],
      [
        edge("both>a", "", "n > 5"),
        edge("both>b", "", "n > 5"),
        edge("both>c", "", "n > 0"),
        edge("both>after", "joined"),
      ],
    );
    const run = startedInPieces(spec, { n: 1 });
    expect(run.states).toBe("both:RUNNING a:SKIPPED b:SKIPPED c:WAITING after:PENDING");
    run.report("c", "COMPLETED", { output: { c: 1 } });
    run.continueAll();
    expect(run.state("after")).toBe("WAITING");
  });

  it("tries only so many conditions for one failure, and says so", () => {
    const targets = Array.from({ length: 8 }, (_, n) => task(`s${n}`));
    const expensive = "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false";
    const edges = targets.map(({ id }) => edge(`root>${id}`, "error", expensive));
    const spec = version(
      [branch("root", { conditionExpr: "missing" }), task("ok"), ...targets],
      [edge("root>ok", "true"), ...edges],
    );
    const graph = compileGraph(spec);
    const xs = Array.from({ length: 2_000 }, (_, n) => n + 1);
    const at = new EngineRun(spec, {}, {}, { graph });
    const draft = openDraft(graph, { run: at.run, steps: new Map(), input: { xs } }, at.now);
    const cause = { kind: "engine", id: "test" } as const;
    transition(draft, { kind: "run_begun", cause }, at.lookups);
    expect(stateOfMark(draft.run.stepMarks[0] ?? 0)).toBe("FAILED");
    expect(draft.budget.spent).toBeLessThan(6 * TRANSITION_UNITS);
    expect([...draft.failedExpressions.keys()]).toContain(
      "the edges that may catch step root cost too much",
    );
  });
});

describe("while work is pending", () => {
  const pendingFan = () => {
    const run = inPieces(fanOf(10), { n: 10 });
    run.put({ kind: "run_begun" });
    expect(run.run.pending).not.toEqual([]);
    return run;
  };

  it("a run that is paused does nothing more, and goes on after the resume", () => {
    const run = pendingFan();
    run.put({ kind: "pause_requested", reason: "" });
    const before = run.states;
    run.put({ kind: "run_continued" });
    expect(run.states).toBe(before);
    expect(run.run.continueAtMs).toBeUndefined();
    run.put({ kind: "resume_requested" });
    expect(run.run.continueAtMs).toBeGreaterThan(run.now);
    run.continueAll();
    expect(run.states).toBe(EngineRun.start(fanOf(10), { n: 10 }).states);
    expect(run.run.continueAtMs).toBeUndefined();
  });

  it.each(["cancel_requested", "compensate_requested"] as const)("%s leaves none", (kind) => {
    const run = pendingFan();
    run.put({ kind, reason: "" });
    run.continueAll();
    expect(run.run.pending).toEqual([]);
    expect(run.run.state).toBe(kind === "cancel_requested" ? "CANCELLED" : "FAILED");
    const { history } = run;
    run.put({ kind: "run_continued" });
    expect(run.history).toEqual(history);
  });

  it("a run is not COMPLETED before its edges are decided, and an uncaught failure still fails it", () => {
    const spec = version([task("a"), task("b")]);
    const run = inPieces(spec);
    run.put({ kind: "run_begun" });
    run.continueAll();
    run.budget = 0;
    run.report("a", "FAILED");
    run.report("b", "COMPLETED", { output: {} });
    expect(run.run.state).toBe("RUNNING");
    run.budget = 1;
    run.continueAll();
    expect(run.run.state).toBe("FAILED");
  });

  it("the work of other inputs comes after it, in order", () => {
    const run = inPieces(version([task("a"), task("b"), task("c")], [edge("a>c")]));
    run.put({ kind: "run_begun" });
    run.put({ kind: "run_continued" });
    expect(run.states).toBe("a:WAITING b:WAITING c:PENDING");
    run.budget = 0;
    run.report("a", "COMPLETED", { output: { a: 1 } });
    expect(run.run.pending).toEqual([0]);
    run.report("b", "COMPLETED", { output: { b: 1 } });
    expect(run.run.pending).toEqual([0, 1]);
    run.budget = 1;
    run.continueAll();
    expect(run.states).toBe("a:COMPLETED b:COMPLETED c:WAITING");
    expect(run.inputOf("c")).toEqual({ a: 1 });
  });

  it.each(["call", "c"])("a resume starts no child before the timer of %s fires", (late) => {
    const list = calling({ for_each: "{{ [1, 2] }}", max_parallel: 1 });
    const steps = [list, task("a"), task("b"), task("c")].map((each) =>
      each.id === late ? { ...each, timeoutSeconds: 5 } : each,
    );
    const spec = version(steps, [edge("a>b")]);
    const run = inPieces(spec);
    run.put({ kind: "run_begun" });
    run.continueAll();
    expect(run.calls).toEqual(["call:start_run"]);
    run.put({ kind: "pause_requested", reason: "" });
    started(run, 0);
    childReports(run, 0);
    run.report("a", "COMPLETED", { output: {} });
    run.now += 5_000;
    run.put({ kind: "resume_requested" });
    run.continueAll();
    expect([run.run.state, run.calls]).toEqual(["FAILED", []]);
  });

  it("a resume looks at each step that fell due a bounded number of times", () => {
    const looksOf = (steps: number) => {
      const late = { timeoutSeconds: 5, config: { on_error: "continue" } };
      const run = startedInPieces(
        version(Array.from({ length: steps }, (_, n) => task(`s${n}`, late))),
      );
      run.put({ kind: "pause_requested", reason: "" });
      const draft = openDraft(run.graph, { run: run.run, steps: run.rows }, run.now + 10_000);
      let looks = 0;
      const { rows } = draft;
      const peek = rows.peek.bind(rows);
      rows.peek = (index) => {
        looks += 1;
        return peek(index);
      };
      const cause = { kind: "rpc", id: "ResumeRun" } as const;
      transition(draft, { kind: "resume_requested", cause }, run.lookups);
      expect(draft.run.state).toBe("COMPLETED");
      return looks;
    };
    expect(looksOf(400) / looksOf(200)).toBeLessThan(2.5);
  });
});
