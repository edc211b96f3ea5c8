/**
 * `npm run bench`: measures the service, with `--peers` beside DBOS, Restate and the floor, and writes a report; `--ci`
 * judges what a step costs in Postgres. `--help` lists the options.
 *
 * Boundary: options in, exit code out. 1 when something failed or is over its budget.
 */
import { runCi } from "./ci.ts";
import { HELP, readOptions } from "./options.ts";
import { installPeers } from "./peers.ts";
import { writeResults } from "./report/write-results.ts";
import { measureAll } from "./run.ts";

process.exitCode = 1;
const failures = await main();
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function main(): Promise<readonly string[]> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(HELP.join("\n"));
    return [];
  }
  if (options.ci) return runCi(options);
  if (options.peers) installPeers();
  const measured = await measureAll(options);
  console.log(await writeResults(options, measured));
  return measured.failures;
}
