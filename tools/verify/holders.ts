/**
 * What an open run may rightly wait for: other services, events, timers, people, calls that are leased, child runs.
 * Boundary: pure, on a run as it is stored. Whether waiting is a fault is judged by the callers.
 */
import type { RunPicture, StepFacts } from "./run-picture.ts";

/** What to judge by. */
export interface HolderRules {
  readonly now: Date;
  /** Ids that collaborators hold open; undefined: any id counts. */
  readonly heldOpen: ReadonlySet<string> | undefined;
}

/** A timer that is due is given this long to fire, and an expired lease to be taken. */
export const SLACK_MS = 30_000;
const OPEN: ReadonlySet<string> = new Set(["RUNNING", "WAITING"]);

/** All that holds a run, in words. */
export function holdersOf(picture: RunPicture, rules: HolderRules): string[] {
  const steps = picture.steps.filter(({ state }) => OPEN.has(state));
  const ofRun = picture.calls.filter((call) => call.step_index < 0 && isLive(call, rules));
  const pending = isComing(picture.run.continue_at, rules) ? ["pending work"] : [];
  return [
    ...pending,
    ...ofRun.map(({ id }) => `call ${id}`),
    ...steps.flatMap((step) => holdersOfStep(picture, step, rules)),
  ];
}

/** Open steps that nothing holds, by index. */
export function openStepsWithout(picture: RunPicture, rules: HolderRules): number[] {
  if (isComing(picture.run.continue_at, rules)) return [];
  return picture.steps
    .filter(({ state }) => OPEN.has(state))
    .filter((step) => holdersOfStep(picture, step, rules).length === 0)
    .map((step) => step.step_index);
}

function holdersOfStep(picture: RunPicture, step: StepFacts, rules: HolderRules): string[] {
  const index = step.step_index;
  const holders: string[] = [];
  const objects = [step.objective_id, step.delegation_id, step.approval_request_id];
  for (const id of [...objects, ...(step.ticket_ids ?? [])]) {
    if (id && (rules.heldOpen?.has(id) ?? true)) holders.push(`object ${id}`);
  }
  if (step.wait_key !== null) holders.push(`event ${step.wait_key}`);
  if (isComing(step.due_at, rules)) holders.push(`timer ${step.due_at?.toISOString()}`);
  if (picture.words[index]?.stepType === "HUMAN_TASK" && step.state === "WAITING") {
    holders.push("a person");
  }
  for (const call of picture.calls) {
    if (call.step_index === index && isLive(call, rules)) holders.push(`call ${call.id}`);
  }
  for (const child of picture.openChildren) {
    if (child.step_index === index) holders.push(`child run ${child.child_run_id}`);
  }
  return holders;
}

function isLive(
  { lease_until: until }: { readonly lease_until: Date },
  rules: HolderRules,
): boolean {
  return isComing(until, rules);
}

function isComing(at: Date | null, { now }: HolderRules): boolean {
  return at !== null && at.getTime() > now.getTime() - SLACK_MS;
}
