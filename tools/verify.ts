/**
 * `npm run verify`: checks the invariants of a service's database, and of its stream where the bus is given; or lists
 * the runs that are stuck.
 * Boundary: reads; ends with 1 when an invariant is violated or a run is stuck, with 2 when nothing could be checked.
 */
import { parseArgs } from "node:util";
import { linesOf } from "./verify/report.ts";
import { findStuckRuns } from "./verify/stuck-runs.ts";
import { verifyAll } from "./verify/verify-all.ts";

const HELP = `npm run verify -- --database URL [--nats URL] [--stream NAME] [--json]
npm run verify -- --database URL --stuck-after SECONDS [--json]

  --database URL         Postgres of the service; a role that can only read is enough
  --nats URL             compare the stream of events out as well
  --stream NAME          its name, WORKFLOWS when left out
  --quiescent            nothing happens any more: all is published, ended or waiting
  --stuck-after SECONDS  list runs that have not moved for so long while nothing holds them
  --json                 print JSON`;
const VIOLATED = 1;
const NOT_CHECKED = 2;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = NOT_CHECKED;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      database: { type: "string" },
      nats: { type: "string" },
      stream: { type: "string" },
      quiescent: { type: "boolean", default: false },
      "stuck-after": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { database, nats, stream, quiescent, json, "stuck-after": stuckAfter } = values;
  if (values.help || database === undefined) {
    console.log(HELP);
    return values.help ? 0 : NOT_CHECKED;
  }
  if (stuckAfter !== undefined) return showStuck(database, Number(stuckAfter), json);
  const reports = await verifyAll({
    databaseUrl: database,
    quiescent,
    ...(nats === undefined ? {} : { natsUrl: nats }),
    ...(stream === undefined ? {} : { stream }),
  });
  console.log(json ? JSON.stringify(reports, null, 2) : reports.flatMap(linesOf).join("\n"));
  return reports.some(({ outcome }) => outcome === "violated") ? VIOLATED : 0;
}

async function showStuck(database: string, seconds: number, json: boolean): Promise<number> {
  if (!Number.isFinite(seconds) || seconds < 0) throw new Error("--stuck-after takes seconds");
  const stuck = await findStuckRuns(database, seconds);
  if (json) console.log(JSON.stringify(stuck, null, 2));
  else {
    for (const { runId, state, idleSeconds, lines } of stuck) {
      console.log(`${runId} is ${state} and has not moved for ${idleSeconds} s`);
      for (const line of lines) console.log(`      ${line}`);
    }
    console.log(`${stuck.length} stuck runs`);
  }
  return stuck.length > 0 ? VIOLATED : 0;
}
