/** I2: at most one object for each run, step, attempt and call; every object belongs to a step of a run. */
import type { Effect, EffectsMade } from "./effects-made.ts";
import type { Findings } from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import type { RunPicture } from "./run-picture.ts";
import type { Snapshot } from "./snapshot.ts";

const RUNS_AT_ONCE = 1_000;

/** The objects of one run. */
export const effectsOnce: RunCheck = {
  id: "I2",
  check(picture, findings, { effects = [] }) {
    const seen = new Map<string, Effect>();
    for (const effect of effects) {
      findings.saw();
      const place = `${effect.ledger} ${effect.key}`;
      const first = seen.get(place);
      seen.set(place, effect);
      if (first !== undefined) {
        findings.violated(picture.run.id, `${place} made both ${first.id} and ${effect.id}`);
      }
      if (!hasOwner(picture, effect)) {
        findings.violated(picture.run.id, `${place} made ${effect.id}, but no step began it`);
      }
    }
  },
};

/** Objects without a key, and those of runs that are not there. */
export async function findOwnerless(
  snapshot: Snapshot,
  made: EffectsMade,
  findings: Findings,
): Promise<void> {
  for (const line of made.ownerless) findings.violated("no run", line);
  const ids = [...made.byRun.keys()];
  for (let at = 0; at < ids.length; at += RUNS_AT_ONCE) {
    const missing = await snapshot.query<{ id: string }>(
      `select w.id from unnest($1::text[]) as w(id)
        where not exists (select 1 from workflow_runs r where r.id = w.id)`,
      [ids.slice(at, at + RUNS_AT_ONCE)],
    );
    for (const { id } of missing) {
      const objects = (made.byRun.get(id) ?? []).map((effect) => `${effect.ledger} ${effect.id}`);
      findings.violated(id, `no such run, but it made ${objects.slice(0, 3).join(", ")}`);
    }
  }
}

function hasOwner({ words, steps, run }: RunPicture, { stepId, attempt }: Effect): boolean {
  if (stepId === "-") return attempt <= run.seq;
  const index = words.findIndex(({ id }) => id === stepId);
  const step = steps.find((row) => row.step_index === index);
  return step !== undefined && attempt >= 1 && attempt <= step.retry_count + 1;
}
