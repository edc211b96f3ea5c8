/**
 * I8: a run's total is the sum of its steps; a step that only agents worked on cost what the meter recorded for it.
 * Sums are compared to a millionth of a dollar, for the meter's records are added in another order.
 */
import type { RunCheck } from "./run-check.ts";

const TOLERANCE_USD = 1e-6;
const FINAL: ReadonlySet<string> = new Set(["COMPLETED", "COMPENSATED"]);

/** The costs of one run. */
export const costsAddUp: RunCheck = {
  id: "I8",
  check({ run, steps, words }, findings, { costs }) {
    findings.saw();
    const sum = steps.reduce((total, step) => total + step.cost_usd, 0);
    if (Math.abs(sum - run.total_cost_usd) > TOLERANCE_USD) {
      findings.violated(run.id, `its total is ${run.total_cost_usd}, its steps cost ${sum}`);
    }
    if (costs === undefined) return;
    for (const step of steps) {
      const words_ = words[step.step_index];
      if (words_?.stepType !== "AGENT_ACTION" || !FINAL.has(step.state)) continue;
      findings.saw();
      const recorded = costs.get(`${run.id}/${words_.id}`) ?? 0;
      if (Math.abs(recorded - step.cost_usd) > TOLERANCE_USD) {
        findings.violated(
          run.id,
          `step ${words_.id} cost ${step.cost_usd}, the meter recorded ${recorded}`,
        );
      }
    }
  },
};
