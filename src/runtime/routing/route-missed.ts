/**
 * Starts of paused workflows: they are noted as missed triggers.
 * Boundary: what is noted of them is runtime/missed-triggers.ts. A workflow that was resumed since it was looked up starts its run.
 */
import { keepMissed, type MissedDeps } from "../missed-triggers.ts";
import type { RunStart } from "../submission.ts";
import type { AimedSubmission } from "./route-submit.ts";

/** What is to be submitted still. */
export async function withoutMissed(
  deps: MissedDeps,
  aimed: readonly AimedSubmission[],
): Promise<readonly AimedSubmission[]> {
  const paused = aimed.flatMap(({ submission, isPaused }) =>
    isPaused === true && submission.kind === "start" ? [submission] : [],
  );
  if (paused.length === 0) return aimed;
  const missed = await keepMissed(deps, paused);
  return aimed.filter(({ submission }) => !isMissed(submission, missed));
}

function isMissed(
  submission: AimedSubmission["submission"],
  missed: ReadonlySet<RunStart>,
): boolean {
  return submission.kind === "start" && missed.has(submission.start);
}
