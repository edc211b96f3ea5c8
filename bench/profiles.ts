/**
 * A CPU profile of the service for each line, taken apart from the measurements, which it would slow down.
 * Boundary: puts a load on and takes the profile; report/profile.ts reads it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFreshDatabase } from "../tools/parts/fresh-database.ts";
import type { Guard } from "../tools/parts/guard.ts";
import type { Postgres } from "../tools/parts/postgres.ts";
import { projectRoot } from "../tools/run-command.ts";
import { SERVICE_PROGRAM } from "./engines/service.ts";
import { measureOf } from "./lines/plan.ts";
import type { Bed } from "./lines/sample.ts";
import type { Sizes } from "./lines/sizes.ts";
import type { LineName } from "./options.ts";
import { startHost } from "./parts/host-process.ts";
import { type CpuProfile, summarise } from "./report/profile.ts";

/** The summary of a line's profile. */
export interface Profile {
  readonly line: LineName;
  readonly text: string;
}

const SIZES: Sizes = {
  repetitions: 1,
  lineRuns: 300,
  oneRuns: 30,
  wakes: 100,
  fans: 5,
  internalRuns: 200,
  startedRuns: 1_000,
  echoCalls: 0,
  events: 2_000,
  restarts: 1,
  longSteps: 300,
  replicaRuns: 0,
  watchers: 0,
  deliveries: 0,
  schedules: 0,
  workflows: 0,
  listed: 0,
  doorCalls: 0,
  searches: 0,
  stored: { finished: 0, parked: 0 },
  storedRuns: 0,
  storedCalls: 0,
  consoleSteps: 0,
  consoleRuns: 0,
  openSeconds: 20,
  runsASecond: undefined,
  parked: [1_000],
  idleMs: 1_000,
};

/** Lines that compare the service with itself, or measure something else. */
const UNPROFILED: ReadonlySet<LineName> = new Set([
  "replicas",
  "watch",
  "starters",
  "doors",
  "stored",
  "console",
]);

/** Profiles the service under the load of each line; `quick` are other sizes than the usual ones. */
export async function profileLines(
  guard: Guard,
  postgres: Postgres,
  lines: readonly LineName[],
  quick: Sizes | undefined,
): Promise<Profile[]> {
  const sizes = quick ?? SIZES;
  const database = await makeFreshDatabase(postgres.url);
  try {
    const host = await startHost(guard, "ours", database.url);
    try {
      const profiles: Profile[] = [];
      const bundle = {
        name: SERVICE_PROGRAM,
        text: await readFile(join(projectRoot, SERVICE_PROGRAM), "utf8"),
      };
      for (const line of lines.filter(isProfiled)) {
        const file = join(guard.folder, `${line}.cpuprofile`);
        const bed = { guard, host, sizes, databaseUrl: database.url, postgres };
        await takeProfile(bed, line, file);
        const profile: CpuProfile = JSON.parse(await readFile(file, "utf8"));
        profiles.push({ line, text: summarise(profile, bundle) });
      }
      return profiles;
    } finally {
      await host.stop();
    }
  } finally {
    await database.drop();
  }
}

/** A profile is of one process under one load. */
function isProfiled(line: LineName): boolean {
  return !UNPROFILED.has(line);
}

async function takeProfile(bed: Bed, line: LineName, file: string): Promise<void> {
  const { host, sizes } = bed;
  if (line === "start") {
    await host.own("profileOfStart", { file });
    return;
  }
  await host.own("profileStart");
  // A restart would end the profile; accepting runs is what the line of parked runs is slow at.
  if (line === "parked") await host.park(sizes.parked.at(-1) ?? 0);
  else await measureOf("ours", line)?.(bed, []);
  await host.own("profileStop", { file });
}
