/**
 * The proof that the suite sees: each seeded bug with the seed of a schedule that catches it.
 * Boundary: a schedule that finds nothing in the build with the bug is a violation.
 */
import type { CrashPoint } from "../../../../src/process/crash-points.ts";
import { compileService } from "../../../../tools/test-service.ts";
import { planOf } from "../schedule/plan.ts";
import { SEEDED_BUGS } from "../seeded-bugs.ts";
import { LONGER_LEASE, SHORT_SETTINGS } from "../short-settings.ts";
import type { FaultLine } from "./fault-line.ts";
import { playPlans } from "./play-plans.ts";

/** Found by `npm run test:faults -- --bug NAME`. */
export const CAUGHT_BY: Readonly<Record<string, number>> = {
  "failed-condition-holds": 1,
  "triggers-of-every-workspace": 1,
  "retry-refusals": 1,
  "new-key-on-retry": 5,
  "acknowledge-before-commit": 3,
  "poll-outbox-by-last-id": 1,
  "accept-superseded-results": 14,
  "decide-by-the-process-clock": 1,
  "call-before-commit": 2,
  "forget-events-after-their-acknowledgement": 10,
  "leave-late-objectives-open": 1,
};

/** With a bug many runs never end: no need to wait long for them. */
const QUIET_WITHIN_MS = 15_000;
const REPLAYS_AT_MOST = 3;

/** Plays the schedule of each bug on a build that has it. */
export async function replaySeededBugs(): Promise<FaultLine> {
  const began = performance.now();
  const violations: string[] = [];
  for (const { name } of SEEDED_BUGS) {
    const seed = CAUGHT_BY[name];
    if (seed === undefined) violations.push(`no schedule is known that catches ${name}`);
    else if (!(await isCaught(name, seed))) violations.push(`seed ${seed} did not catch ${name}`);
  }
  const seconds = (performance.now() - began) / 1000;
  return { fault: "seeded bugs caught", injected: SEEDED_BUGS.length, violations, seconds };
}

/** A schedule is the same each time, the machine is not. */
async function isCaught(name: string, seed: number): Promise<boolean> {
  for (let replay = 1; replay <= REPLAYS_AT_MOST; replay += 1) {
    if ((await catchBug(name, seed, 1)) !== undefined) return true;
  }
  return false;
}

/** What caught a bug. */
export interface Catch {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Plays schedules on a build with the bug, from seed `first` on, until one finds something. */
export async function catchBug(
  name: string,
  first: number,
  atMost: number,
): Promise<Catch | undefined> {
  const bug = SEEDED_BUGS.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`${name} is no seeded bug`);
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: [
      ...SHORT_SETTINGS,
      ...(bug.name === "claim-calls-at-start-only" ? [LONGER_LEASE] : []),
      ...bug.edits,
    ],
  });
  try {
    const playing = {
      compiled: compiled.path,
      reached: new Set<CrashPoint>(),
      quietWithinMs: QUIET_WITHIN_MS,
    };
    for (let seed = first; seed < first + atMost; seed += 1) {
      let found: readonly string[] = [];
      await playPlans({ ...playing, onPlayed: (_, { violations }) => (found = violations) }, [
        planOf(seed),
      ]);
      if (found.length > 0) return { seed, violations: found };
    }
    return undefined;
  } finally {
    await compiled.remove();
  }
}
