/**
 * `npm run bench -- --ci`: what a step costs in Postgres, against its budget: bytes of log, rows, statements, round trips,
 * commits. Times are for people; only what no noise changes is judged, and bytes and rows with room for it.
 *
 * Boundary: a private Postgres with its ordinary settings for durability, stopped at the end. No
 * checkpoint and no autovacuum falls into a measurement, for their cost depends on how long the
 * service runs and not on the step.
 */
import pg from "pg";
import { buildIndexes } from "../src/store/indexes.ts";
import { migrateDatabase } from "../src/store/migrate.ts";
import { startGuard } from "../tools/parts/guard.ts";
import { startPostgres } from "../tools/parts/postgres.ts";
import { startPgRelay } from "./parts/pg-relay.ts";
import { renderDoors } from "./steps/door-counts.ts";
import { RUNS_A_COMMIT } from "./steps/driver.ts";
import { renderIdle } from "./steps/idle-counts.ts";
import { renderInternal } from "./steps/internal-counts.ts";
import { loads, MEASURED_STEPS, PAYLOAD_BYTES } from "./steps/loads.ts";
import { type Bench, measure } from "./steps/measure.ts";
import { renderReplicas } from "./steps/replica-counts.ts";
import { type Result, renderResults, resultOf } from "./steps/report.ts";
import { measureService, renderLoad, type ServiceCounts } from "./steps/service-counts.ts";
import { enableWalShares } from "./steps/wal-shares.ts";

const SETTINGS = ["checkpoint_timeout = '1h'", "max_wal_size = '8GB'", "autovacuum = off"];
/** Below this share of RUNS_A_COMMIT a step bears the cost of a commit that it should share. */
const FILLED_AT_LEAST = 0.9;

interface Outcome {
  readonly results: readonly Result[];
  readonly service: ServiceCounts;
  readonly majorVersion: number;
}

/** Measures, prints, and gives what is over its budget, in words. */
export async function runCi({ json }: { readonly json: boolean }): Promise<string[]> {
  const { results, service, majorVersion } = await measureAll();
  if (json) {
    const settings = { runsACommit: RUNS_A_COMMIT, measuredSteps: MEASURED_STEPS, majorVersion };
    const outcome = { ...settings, payloadBytes: PAYLOAD_BYTES, results, service };
    console.log(JSON.stringify(outcome, null, 2));
  } else {
    console.log(
      `Postgres ${majorVersion}, ${RUNS_A_COMMIT} runs of each partition, ${MEASURED_STEPS} steps of each ` +
        `run, payloads of ${PAYLOAD_BYTES} bytes\n\n${renderResults(results)}\n\n` +
        [
          ...service.loads.map(renderLoad),
          renderInternal(service.internal),
          renderDoors(service.doors),
          renderIdle(service.idle),
          renderReplicas(service.replicas),
        ].join("\n"),
    );
  }
  const { loads: steps, internal, doors, idle, replicas } = service;
  const counted = [...steps, internal, ...doors, idle, replicas];
  return [...results.flatMap(failuresOf), ...counted.flatMap(({ over }) => over)];
}

async function measureAll(): Promise<Outcome> {
  const guard = await startGuard("workflows-bench-");
  try {
    const postgres = await startPostgres(guard, { fastDisk: false });
    try {
      const results = await measureSteps(postgres.url);
      const service = await measureService(guard, postgres.url);
      return { results, service, majorVersion: postgres.majorVersion };
    } finally {
      await postgres.stop();
    }
  } finally {
    await guard.release();
  }
}

async function measureSteps(url: string): Promise<Result[]> {
  await migrateDatabase(url);
  await buildIndexes({ url, log: { info() {} } });
  const relay = await startPgRelay(url);
  const client = new pg.Client({ connectionString: url, application_name: "workflows bench" });
  await client.connect();
  try {
    for (const setting of SETTINGS) await client.query(`alter system set ${setting}`);
    await client.query("select pg_reload_conf()");
    const bench: Bench = {
      url: relay.urlOf(url),
      counts: relay.counts,
      client,
      hasShares: await enableWalShares(client),
    };
    const results: Result[] = [];
    for (const load of loads) results.push(resultOf(await measure(bench, load)));
    return results;
  } finally {
    await client.end();
    await relay.stop();
  }
}

function failuresOf({ name, verdict, runsACommit, over }: Result): string[] {
  const isFilled = runsACommit >= RUNS_A_COMMIT * FILLED_AT_LEAST;
  return [
    ...(verdict === "over twice" ? [`${name}: over twice its budget`] : []),
    ...(isFilled ? [] : [`${name}: commits held ${runsACommit.toFixed(1)} runs only`]),
    ...over.map((what) => `${name}: ${what}`),
  ];
}
