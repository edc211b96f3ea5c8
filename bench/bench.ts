/**
 * `npm run bench`: what a step of a run costs in Postgres under load: bytes of log, rows, commits.
 *
 * `--ci` ends with 1 when a step costs more than twice its budget, or when commits did not hold the
 * runs they should; `--json` prints the results for programs.
 *
 * Boundary: a private Postgres with its ordinary settings for durability, stopped at the end. No
 * checkpoint and no autovacuum falls into a measurement, for their cost depends on how long the
 * service runs and not on the step.
 */
import { parseArgs } from "node:util";
import pg from "pg";
import { buildIndexes } from "../src/store/indexes.ts";
import { migrateDatabase } from "../src/store/migrate.ts";
import { startGuard } from "../tools/parts/guard.ts";
import { startPostgres } from "../tools/parts/postgres.ts";
import { RUNS_A_COMMIT } from "./steps/driver.ts";
import { loads, MEASURED_STEPS, PAYLOAD_BYTES } from "./steps/loads.ts";
import { type Bench, measure } from "./steps/measure.ts";
import { type Result, renderResults, resultOf } from "./steps/report.ts";
import { enableWalShares } from "./steps/wal-shares.ts";

const SETTINGS = ["checkpoint_timeout = '1h'", "max_wal_size = '8GB'", "autovacuum = off"];
/** Below this share of RUNS_A_COMMIT a step bears the cost of a commit that it should share. */
const FILLED_AT_LEAST = 0.9;

const { values: options } = parseArgs({
  options: { ci: { type: "boolean" }, json: { type: "boolean" } },
});

const { results, majorVersion } = await runAll();
if (options.json) {
  const settings = { runsACommit: RUNS_A_COMMIT, measuredSteps: MEASURED_STEPS, majorVersion };
  console.log(JSON.stringify({ ...settings, payloadBytes: PAYLOAD_BYTES, results }, null, 2));
} else {
  console.log(
    `Postgres ${majorVersion}, ${RUNS_A_COMMIT} runs a commit, ${MEASURED_STEPS} steps of each ` +
      `run, payloads of ${PAYLOAD_BYTES} bytes\n\n${renderResults(results)}`,
  );
}
const failures = results.flatMap(failureOf);
for (const failure of failures) console.error(failure);
if (options.ci && failures.length > 0) process.exitCode = 1;

async function runAll(): Promise<{ results: Result[]; majorVersion: number }> {
  const guard = await startGuard("workflows-bench-");
  try {
    const postgres = await startPostgres(guard, { fastDisk: false });
    try {
      return { results: await measureAll(postgres.url), majorVersion: postgres.majorVersion };
    } finally {
      await postgres.stop();
    }
  } finally {
    await guard.release();
  }
}

async function measureAll(url: string): Promise<Result[]> {
  await migrateDatabase(url);
  await buildIndexes({ url, log: { info() {} } });
  const client = new pg.Client({ connectionString: url, application_name: "workflows bench" });
  await client.connect();
  try {
    for (const setting of SETTINGS) await client.query(`alter system set ${setting}`);
    await client.query("select pg_reload_conf()");
    const bench: Bench = { url, client, hasShares: await enableWalShares(client) };
    const results: Result[] = [];
    for (const load of loads) results.push(resultOf(await measure(bench, load)));
    return results;
  } finally {
    await client.end();
  }
}

function failureOf({ name, verdict, runsACommit }: Result): string[] {
  const isFilled = runsACommit >= RUNS_A_COMMIT * FILLED_AT_LEAST;
  return [
    ...(verdict === "over twice" ? [`${name}: over twice its budget`] : []),
    ...(isFilled ? [] : [`${name}: commits held ${runsACommit.toFixed(1)} runs only`]),
  ];
}
