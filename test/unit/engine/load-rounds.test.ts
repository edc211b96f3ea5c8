/** How often a fold loads rows: what it needs of many steps it asks for at once. */
import { describe, expect, it } from "vitest";
import { openDraft } from "../../../src/engine/draft/draft.ts";
import { transition } from "../../../src/engine/transition.ts";
import { stepReport } from "../../support/builders/step-reports.ts";
import { EngineRun, edge, step, version } from "../../support/engine/engine-run.ts";

/** A PARALLEL of tasks whose timeouts are caught, and which all have timed out but the last. */
function timedOut(children: number, required: number): EngineRun {
  const ids = Array.from({ length: children }, (_, n) => `c${n}`);
  const spec = version(
    [
      step({ id: "p", stepType: "PARALLEL", config: { required } }),
      ...ids.map((id) => step({ id, timeoutSeconds: 1 })),
      step({ id: "late" }),
    ],
    [...ids.map((id) => edge(`p>${id}`)), ...ids.map((id) => edge(`${id}>late`, "timeout"))],
  );
  const run = EngineRun.start(spec);
  run.now += 1_000;
  for (const id of ids.slice(0, -1)) run.put({ kind: "step_due", stepIndex: run.index(id) });
  return run;
}

describe("a PARALLEL whose children were caught", () => {
  it("asks for their rows at once when it ends", () => {
    // More than the guess loads of a join's sources.
    const run = timedOut(10, 1);
    run.report("c9", "COMPLETED");
    expect(run.state("p")).toBe("COMPLETED");
    expect(run.rounds).toBe(2);
  });

  it("asks for none of them while it stays open", () => {
    const tasks = ["a", "b", "c", "d", "e"];
    const spec = version(
      [
        step({ id: "p", stepType: "PARALLEL", config: { required: 3 } }),
        ...tasks.map((id) => step({ id, timeoutSeconds: 1 })),
        ...["late_a", "late_b"].map((id) => step({ id })),
      ],
      [
        ...tasks.map((id) => edge(`p>${id}`)),
        ...["a", "b"].map((id) => edge(`${id}>late_${id}`, "timeout")),
      ],
    );
    const run = EngineRun.start(spec);
    run.now += 1_000;
    for (const stepIndex of [1, 2]) run.put({ kind: "step_due", stepIndex });
    expect([run.states, run.rounds]).toEqual([
      "p:RUNNING a:COMPLETED b:COMPLETED c:WAITING d:WAITING e:WAITING late_a:WAITING late_b:WAITING",
      1,
    ]);
  });
});

it("an expression asks for the rows of all steps that it reads at once", () => {
  const ids = ["s0", "s1", "s2"];
  const sum = ids.map((id) => `${id}.output.n`).join(" + ");
  const steps = [...ids, "go", "end"].map((id) => step({ id }));
  const edges = [...ids.map((id) => edge(`${id}>go`)), edge("go>end", "", `${sum} > 0`)];
  const run = EngineRun.start(version(steps, edges));
  for (const id of ids) run.report(id, "COMPLETED", { output: { n: 1 } });
  const go = run.index("go");
  const rows = new Map([...run.rows].filter(([index]) => index === go));
  const draft = openDraft(run.graph, { run: run.run, steps: rows }, run.now);
  const report = stepReport("go", "COMPLETED", { output: {} });
  const cause = { kind: "rpc", id: "TransitionStep" } as const;
  let missing: unknown;
  try {
    transition(draft, { kind: "step_reported", cause, report }, run.lookups);
  } catch (error) {
    missing = error;
  }
  expect(missing).toMatchObject({ name: "MissingRows", steps: [0, 1, 2] });
});
