/**
 * `npm run verify`: checks the invariants of a database and of the stream beside it, while the service runs or after.
 *
 *     npm run verify -- --database URL [--nats URL] [--stream NAME] [--stuck-after SECONDS] [--json]
 *
 * Boundary: reads arguments and prints; what is checked is verify/verify-all.ts. It writes nothing to either server.
 * Invariant: exit code 0 when nothing is violated and no run is stuck, 1 when something is, 2 when something could not be
 * checked. How far it is goes to stderr.
 */
import { parseArgs } from "node:util";
import { renderReport, renderStuck } from "./verify/render.ts";
import { connectReadOnly } from "./verify/stored-runs.ts";
import { findStuckRuns, type StuckRun } from "./verify/stuck.ts";
import { verifyAll } from "./verify/verify-all.ts";

const HELP = `npm run verify -- --database URL [options]
  --nats URL              reads the stream too (I4)
  --stream NAME           the stream of the service's events; WORKFLOWS unless given
  --stuck-after SECONDS   prints the runs that have not moved for so long while nothing holds them
  --json                  prints one JSON object`;
const STUCK_SHOWN = 20;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`verify: ${messageOf(error)}`);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      database: { type: "string" },
      nats: { type: "string" },
      stream: { type: "string" },
      "stuck-after": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { database, nats, stream, json, help } = values;
  if (help) {
    console.log(HELP);
    return 0;
  }
  if (database === undefined) throw new Error(`--database is missing\n${HELP}`);
  const stuckAfter = readSeconds(values["stuck-after"]);
  const reports = await verifyAll({
    databaseUrl: database,
    ...(nats === undefined ? {} : { natsUrl: nats }),
    ...(stream === undefined ? {} : { stream }),
    quiescent: false,
    onProgress: (line) => console.error(line),
  });
  if (!json) for (const line of reports.flatMap(renderReport)) console.log(line);
  const { stuck, problem } = await lookForStuck(database, stuckAfter);
  if (json) console.log(JSON.stringify({ reports, stuck, problem }));
  else if (stuck !== undefined) for (const line of renderStuck(stuck)) console.log(line);
  if (problem !== undefined) console.error(`verify: stuck runs could not be found: ${problem}`);
  const isWrong = reports.some(({ verdict }) => verdict === "violated") || (stuck?.length ?? 0) > 0;
  if (isWrong) return 1;
  const isOpen = problem !== undefined || reports.some(({ verdict }) => verdict === "failed");
  return isOpen ? 2 : 0;
}

function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new Error(`--stuck-after is a number of seconds, not ${text}`);
  }
  return Number(text);
}

/** The stuck runs, or why they could not be found; neither when nobody asks. */
async function lookForStuck(
  databaseUrl: string,
  stuckAfter: number | undefined,
): Promise<{ readonly stuck?: StuckRun[]; readonly problem?: string }> {
  if (stuckAfter === undefined) return {};
  try {
    const client = await connectReadOnly(databaseUrl);
    try {
      return { stuck: await findStuckRuns(client, stuckAfter, STUCK_SHOWN) };
    } finally {
      await client.end();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
