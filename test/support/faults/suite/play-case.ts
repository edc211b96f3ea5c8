/** Plays a case that is made of plans, and counts what happened. */
import type { PlansCase } from "./cases.ts";
import type { FaultLine } from "./fault-line.ts";
import { type Playing, playPlans } from "./play-plans.ts";

/** Plays it; a violation names the seed of its plan. */
export async function playCase(playing: Playing, planned: PlansCase): Promise<FaultLine> {
  const { fault, plans, counts = () => 1, atLeast, strictKeys, environment } = planned;
  const began = performance.now();
  const violations: string[] = [];
  let injected = 0;
  await playPlans(
    {
      ...playing,
      ...(strictKeys === undefined ? {} : { strictKeys }),
      ...(environment === undefined ? {} : { environment }),
      onPlayed(plan, outcome) {
        injected += outcome.injected.reduce((sum, each) => sum + counts(each), 0);
        violations.push(...outcome.violations.map((line) => `seed ${plan.seed}: ${line}`));
        playing.onPlayed?.(plan, outcome);
      },
    },
    plans,
  );
  if (injected < atLeast) violations.push(`only ${injected} of ${atLeast} faults happened`);
  return { fault, injected, violations, seconds: (performance.now() - began) / 1000 };
}
