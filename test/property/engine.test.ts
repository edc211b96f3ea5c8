/** Properties of the pure core over random graphs and random happenings. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { RUN_MOVES, STEP_MOVES } from "../../src/engine/moves.ts";
import { isFinalRun, isFinalStep, SUCCEEDED } from "../../src/engine/run.ts";
import { EngineRun } from "../support/engine-run.ts";
import { finish, happen, happenings, versions } from "../support/random-run.ts";

const RUNS = Number(process.env.PROPERTY_RUNS ?? 1_500);

function play(spec: Parameters<typeof EngineRun.start>[0], script: Parameters<typeof happen>[1][]) {
  const run = new EngineRun(spec, { start: 1 });
  // Half of the versions run where the meter is asked for costs that no report tells.
  run.lookups = { ...run.lookups, costsFromMeter: spec.steps.length % 2 === 0 };
  run.put({ kind: "run_begun" });
  for (const happening of script) happen(run, happening);
  return run;
}

it("every run comes to an end once everything is answered", () => {
  fc.assert(
    fc.property(versions(24), happenings, (spec, script) => {
      const run = play(spec, script);
      finish(run);
      expect(isFinalRun(run.run.state)).toBe(true);
      for (const step of run.graph.steps) {
        if (step.isCompensation) continue;
        expect(isFinalStep(run.view().steps.find((s) => s.step === step)?.state ?? "PENDING")).toBe(
          true,
        );
      }
    }),
    { numRuns: RUNS },
  );
});

it("the history's moves are legal, contiguous and give the stored state", () => {
  fc.assert(
    fc.property(versions(16), happenings, (spec, script) => {
      const run = play(spec, script);
      let state = "PENDING";
      const steps = new Map<number, string>();
      for (const [i, row] of run.history.entries()) {
        expect(row.seq).toBe(i + 1);
        for (const move of row.moves) {
          if (move.of === "run") {
            expect(move.from).toBe(state);
            expect(RUN_MOVES[move.from]).toContain(move.to);
            state = move.to;
            continue;
          }
          expect(move.from).toBe(steps.get(move.step) ?? "PENDING");
          if (move.from !== move.to) expect(STEP_MOVES[move.from]).toContain(move.to);
          steps.set(move.step, move.to);
        }
      }
      expect(state).toBe(run.run.state);
      for (const row of run.rows.values()) expect(steps.get(row.index)).toBe(row.state);
    }),
    { numRuns: RUNS },
  );
});

it("the total cost is the sum of the steps' costs, and an effect id is wanted once", () => {
  fc.assert(
    fc.property(versions(16), happenings, (spec, script) => {
      const run = play(spec, script);
      const sum = [...run.rows.values()].reduce((total, row) => total + row.costUsd, 0);
      expect(run.run.totalCostUsd).toBeCloseTo(sum, 9);
    }),
    { numRuns: RUNS },
  );
});

it("compensations run in reverse topological order, each once", () => {
  fc.assert(
    fc.property(versions(16), happenings, (spec, script) => {
      const run = play(spec, script);
      finish(run);
      run.put({ kind: "compensate_requested", reason: "" });
      finish(run);
      const completed = run.events.filter((e) => e.startsWith("undo-") && e.endsWith(".completed"));
      expect(new Set(completed).size).toBe(completed.length);
      const place = new Map(completed.map((e, i) => [e.slice(5, -10), i]));
      for (const edge of run.graph.edges) {
        const from = place.get(run.graph.steps[edge.from]?.def.id ?? "");
        const to = place.get(run.graph.steps[edge.to]?.def.id ?? "");
        if (from !== undefined && to !== undefined) expect(to).toBeLessThan(from);
      }
      if (run.run.state !== "FAILED") return;
      for (const step of run.graph.steps) {
        const mark = run.run.stepMarks[step.index] ?? 0;
        const state = run.view().steps.find((s) => s.step === step)?.state;
        if (
          step.compensation >= 0 &&
          (mark & SUCCEEDED) !== 0 &&
          run.events.at(-1) === "run.compensated"
        ) {
          expect(state).toBe("COMPENSATED");
        }
      }
    }),
    { numRuns: RUNS },
  );
});

it("a final run stays final, whatever happens but CompensateRun", () => {
  fc.assert(
    fc.property(versions(12), happenings, happenings, (spec, script, after) => {
      const run = play(spec, script);
      finish(run);
      const { state } = run.run;
      const events = run.events.length;
      for (const happening of after) if (happening.kind < 98) happen(run, happening);
      expect(run.run.state).toBe(state);
      expect(run.events.length).toBe(events);
    }),
    { numRuns: RUNS },
  );
});
