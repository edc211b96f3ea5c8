/**
 * What a step asks Postgres for: statements, round trips and transactions, of one run alone and of many in flight.
 * Boundary: through a relay that counts, so nothing is timed here.
 */
import { makeFreshDatabase } from "../tools/parts/fresh-database.ts";
import type { Guard } from "../tools/parts/guard.ts";
import type { Postgres } from "../tools/parts/postgres.ts";
import type { EngineName } from "./engines/engine.ts";
import { LINE_STEPS } from "./engines/words.ts";
import { IN_FLIGHT } from "./lines/sizes.ts";
import { startHost } from "./parts/host-process.ts";
import { countsEach, growthOfCounts, type WireCounts } from "./parts/pg-messages.ts";
import { startPgRelay } from "./parts/pg-relay.ts";

/** The counts of an engine, a step. */
export interface StepCounts {
  readonly engine: EngineName;
  readonly alone: WireCounts;
  readonly inFlight: WireCounts;
}

const FULL = { runs: 300, runsAlone: 20 };
const QUICK = { runs: 20, runsAlone: 2 };
const WARM_UP_RUNS = 20;

/** Counts for each engine that has its state in Postgres. */
export async function countSteps(
  guard: Guard,
  postgres: Postgres,
  engines: readonly EngineName[],
  isQuick: boolean,
): Promise<StepCounts[]> {
  const counted: StepCounts[] = [];
  for (const engine of engines) {
    if (engine.startsWith("restate") || engine === "worker-floor") continue;
    counted.push(await countEngine(guard, postgres.url, engine, isQuick ? QUICK : FULL));
  }
  return counted;
}

async function countEngine(
  guard: Guard,
  postgresUrl: string,
  engine: EngineName,
  { runs, runsAlone }: typeof FULL,
): Promise<StepCounts> {
  const database = await makeFreshDatabase(postgresUrl);
  const relay = await startPgRelay(postgresUrl);
  const count = async (times: number, work: () => Promise<unknown>) => {
    const before = relay.counts();
    await work();
    return countsEach(growthOfCounts(before, relay.counts()), times * LINE_STEPS);
  };
  try {
    const host = await startHost(guard, engine, relay.urlOf(database.url));
    try {
      await host.runs("line", WARM_UP_RUNS, WARM_UP_RUNS);
      const inFlight = await count(runs, () => host.runs("line", runs, IN_FLIGHT[engine]));
      const alone = await count(runsAlone, () => host.one("line", runsAlone));
      return { engine, alone, inFlight };
    } finally {
      await host.stop();
    }
  } finally {
    await relay.stop();
    await database.drop();
  }
}
