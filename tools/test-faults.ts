/**
 * `npm run test:faults`: real processes under faults. Prints a line for each fault, and ends with 1 when something was
 * violated, when a crash point was never reached, or when something was thrown.
 *
 *     npm run test:faults                          # everything that a change must pass
 *     npm run test:faults -- --only F3             # the lines whose names begin so
 *     npm run test:faults -- --seed N              # the random schedule of one seed
 *     npm run test:faults -- --bug NAME --seeds N  # schedules on a build with a seeded bug, until one catches it
 */
import { parseArgs } from "node:util";
import { CRASH_POINTS, type CrashPoint } from "../src/process/crash-points.ts";
import { type Plan, planOf } from "../test/support/faults/schedule/plan.ts";
import { type Outcome, renderInjected } from "../test/support/faults/schedule/play.ts";
import { SHORT_SETTINGS } from "../test/support/faults/short-settings.ts";
import { plansCases, randomSchedules } from "../test/support/faults/suite/cases.ts";
import { killAtEveryPoint } from "../test/support/faults/suite/every-point.ts";
import { type FaultLine, renderLine } from "../test/support/faults/suite/fault-line.ts";
import { playCase } from "../test/support/faults/suite/play-case.ts";
import { catchBug, replaySeededBugs } from "../test/support/faults/suite/seeded-bugs-caught.ts";
import { raceForSlots } from "../test/support/faults/suite/slots.ts";
import { findTestFolder } from "./test-folder.ts";
import { compileService } from "./test-service.ts";

const SEEDS_AT_MOST = 200;
/** Most of the time of a schedule is waiting. */
const LANES = 3;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    seed: { type: "string" },
    bug: { type: "string" },
    seeds: { type: "string" },
  },
});
// Until everything has passed this run has failed, however it ends.
process.exitCode = 1;
// Each server and replica has a guard that listens for the end of this process.
process.setMaxListeners(0);
process.env.PARTS_FOLDER ??= await findTestFolder();
if (options.bug !== undefined) await searchBug(options.bug);
else await runSuite();

async function searchBug(name: string): Promise<void> {
  const atMost = Number(options.seeds ?? SEEDS_AT_MOST);
  const first = Number(options.seed ?? 1);
  const seeds = Array.from({ length: atMost }, (_, index) => first + index);
  const caught = await catchBug(
    name,
    seeds.map((seed) => planOf(seed)),
  );
  if (caught === undefined) {
    console.log(`${name} was not caught by ${atMost} schedules`);
    return;
  }
  console.log(`${name} is caught by seed ${caught.seed}:`);
  for (const line of caught.violations) console.log(line);
  process.exitCode = 0;
}

async function runSuite(): Promise<void> {
  const compiled = await compileService({
    entry: "test/support/faults/service-main.ts",
    edits: SHORT_SETTINGS,
  });
  const reached = new Set<CrashPoint>();
  try {
    const lines = await inLanes(listWork({ compiled: compiled.path, reached, onPlayed: tell }));
    const unreached = CRASH_POINTS.filter((point) => !reached.has(point));
    const isWhole = options.only === undefined && options.seed === undefined;
    if (isWhole) for (const point of unreached) console.log(`VIOLATION ${point} was never reached`);
    const injected = lines.reduce((sum, line) => sum + line.injected, 0);
    const violations =
      lines.reduce((sum, line) => sum + line.violations.length, 0) +
      (isWhole ? unreached.length : 0);
    console.log(`${injected} faults injected, ${violations} violations`);
    if (violations === 0 && lines.length > 0) process.exitCode = 0;
  } finally {
    await compiled.remove();
  }
}

type Work = () => Promise<FaultLine>;

function listWork(playing: Parameters<typeof playCase>[0]): Work[] {
  if (options.seed !== undefined) {
    const one = randomSchedules(Number(options.seed), 1);
    return [() => playCase(playing, { ...one, atLeast: 0 })];
  }
  const work: Readonly<Record<string, Work>> = {
    F1: () => killAtEveryPoint(playing),
    ...Object.fromEntries(
      plansCases.map((planned) => [planned.fault, () => playCase(playing, planned)]),
    ),
    bugs: () => replaySeededBugs(),
    F8: () => raceForSlots(playing),
  };
  const { only = "" } = options;
  return Object.entries(work).flatMap(([name, each]) => (name.startsWith(only) ? [each] : []));
}

/** What happened, where one asks for a part of the suite. */
function tell(plan: Plan, { injected }: Outcome): void {
  if (options.seed === undefined && options.only === undefined) return;
  console.log(`seed ${plan.seed}: ${renderInjected(injected)}`);
}

/** Does the work, a few at a time; each line is printed as it is known. */
async function inLanes(work: readonly Work[]): Promise<FaultLine[]> {
  const left = [...work];
  const lines: FaultLine[] = [];
  async function lane(): Promise<void> {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const line = await next();
      lines.push(line);
      console.log(renderLine(line));
      for (const violation of line.violations) console.log(`VIOLATION ${violation}`);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  return lines;
}
