/**
 * `npm run test:faults`: real processes under faults. Prints a line for each fault, and ends with 1 when something was
 * violated, when a crash point was never reached, or when something was thrown; with 2 when it is asked for what it has not.
 *
 *     npm run test:faults                          # everything that a change must pass
 *     npm run test:faults -- --only F3             # the lines with this name
 *     npm run test:faults -- --seed N              # the random schedule of one seed
 *     npm run test:faults -- --bug NAME --seeds N  # schedules on a build with a seeded bug, until one catches it
 */
import { CRASH_POINTS, type CrashPoint } from "../src/process/crash-points.ts";
import { describeError } from "../test/support/faults/describe-error.ts";
import { type Plan, planOf } from "../test/support/faults/schedule/plan.ts";
import { type Outcome, renderInjected } from "../test/support/faults/schedule/play.ts";
import { SEEDED_BUGS } from "../test/support/faults/seeded-bugs.ts";
import { SHORT_SETTINGS } from "../test/support/faults/short-settings.ts";
import { type PlansCase, plansCases, randomSchedules } from "../test/support/faults/suite/cases.ts";
import { killAtEveryPoint } from "../test/support/faults/suite/every-point.ts";
import { type FaultLine, renderLine } from "../test/support/faults/suite/fault-line.ts";
import {
  pickByName,
  readOptions,
  readWholeNumber,
  WrongOption,
} from "../test/support/faults/suite/options.ts";
import { playCase } from "../test/support/faults/suite/play-case.ts";
import type { Playing } from "../test/support/faults/suite/play-plans.ts";
import {
  CAUGHT_BY,
  catchBug,
  playControl,
  replaySeededBugs,
} from "../test/support/faults/suite/seeded-bugs-caught.ts";
import { raceForSlots } from "../test/support/faults/suite/slots.ts";
import { findTestFolder } from "./test-folder.ts";
import { compileService } from "./test-service.ts";

const SEEDS_AT_MOST = 200;
/** Most of the time of a schedule is waiting. */
const LANES = 3;

// Until everything has passed this run has failed, however it ends.
process.exitCode = 1;
// Each server and replica has a guard that listens for the end of this process.
process.setMaxListeners(0);
process.env.PARTS_FOLDER ??= await findTestFolder();
try {
  const { bug, only, ...options } = readOptions(process.argv.slice(2), [
    "only",
    "seed",
    "bug",
    "seeds",
  ]);
  const seed = readWholeNumber("seed", options.seed, { least: 0, other: 1 });
  const seeds = readWholeNumber("seeds", options.seeds, { least: 1, other: SEEDS_AT_MOST });
  if (bug !== undefined) await searchBug(bug, seed, seeds);
  else await runSuite({ only, seed: options.seed === undefined ? undefined : seed });
} catch (error) {
  if (!(error instanceof WrongOption)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function searchBug(name: string, first: number, atMost: number): Promise<void> {
  if (!SEEDED_BUGS.some((bug) => bug.name === name)) {
    throw new WrongOption(`--bug is a seeded bug, and ${name} is none.`);
  }
  const seeds = Array.from({ length: atMost }, (_, index) => first + index);
  const shows = CAUGHT_BY[name]?.shows;
  const { caught, missed } = await catchBug(
    name,
    seeds.map((seed) => planOf(seed)),
    shows,
  );
  for (const { seed, violations } of missed) {
    console.log(`seed ${seed} shows ${violations.length} violations, none of them ${shows}:`);
    for (const line of violations) console.log(line);
  }
  if (caught === undefined) {
    console.log(`${name} was not caught by ${atMost} schedules`);
    return;
  }
  console.log(`${name} is caught by seed ${caught.seed}:`);
  for (const line of caught.violations) console.log(line);
  process.exitCode = 0;
}

/** A part of the suite, or all of it. */
interface Selection {
  readonly only: string | undefined;
  readonly seed: number | undefined;
}

async function runSuite({ only, seed }: Selection): Promise<void> {
  const isWhole = only === undefined && seed === undefined;
  const reached = new Set<CrashPoint>();
  const onPlayed = isWhole ? {} : { onPlayed: tell };
  const work = pickByName(listWork(seed), only);
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: SHORT_SETTINGS,
  });
  try {
    const lines = await inLanes(work, { compiled: compiled.path, reached, ...onPlayed });
    const unreached = isWhole ? CRASH_POINTS.filter((point) => !reached.has(point)) : [];
    for (const point of unreached) console.log(`VIOLATION ${point} was never reached`);
    const injected = lines.reduce((sum, line) => sum + line.injected, 0);
    const violations =
      lines.reduce((sum, line) => sum + line.violations.length, 0) + unreached.length;
    console.log(`${injected} faults injected, ${violations} violations`);
    if (violations === 0) process.exitCode = 0;
  } finally {
    await compiled.remove();
  }
}

/** What gives one line. */
interface Work {
  /** The name of the line, or how it begins. */
  readonly fault: string;
  play(playing: Playing): Promise<FaultLine>;
}

/** The long ones first: the lanes end at about the same time. */
function listWork(seed: number | undefined): readonly Work[] {
  const ofPlans = (planned: PlansCase): Work => ({
    fault: planned.fault,
    play: (playing) => playCase(playing, planned),
  });
  if (seed !== undefined) return [ofPlans({ ...randomSchedules(seed, 1), atLeast: 0 })];
  return [
    { fault: "F1 kill at every crash point", play: killAtEveryPoint },
    { fault: "bugs caught", play: replaySeededBugs },
    ...plansCases.map(ofPlans),
    { fault: "bugs on the sound build", play: playControl },
    { fault: "F8 replicas racing", play: raceForSlots },
  ];
}

/** What happened, where one asks for a part of the suite. */
function tell(plan: Plan, { injected }: Outcome): void {
  console.log(`seed ${plan.seed}: ${renderInjected(injected)}`);
}

/** Does the work, a few at a time; each line is printed as it is known. */
async function inLanes(work: readonly Work[], playing: Playing): Promise<FaultLine[]> {
  const left = [...work];
  const lines: FaultLine[] = [];
  async function lane(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const line = await playOne(next, playing);
      lines.push(line);
      console.log(renderLine(line));
      for (const violation of line.violations) console.log(`VIOLATION ${violation}`);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  return lines;
}

/** What it throws is a violation of its line. */
async function playOne({ fault, play }: Work, playing: Playing): Promise<FaultLine> {
  const began = performance.now();
  try {
    return await play(playing);
  } catch (error) {
    const seconds = (performance.now() - began) / 1000;
    return { fault, injected: 0, violations: [`it broke off: ${describeError(error)}`], seconds };
  }
}
