/** The model of Postgres that worlds have is held equal to Postgres: random verbs of the store give the same on both. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../src/process/log.ts";
import { type Database, openDatabase } from "../../src/store/database.ts";
import { callerKeys, effects, taskPlaces } from "../../src/store/schema/calls.ts";
import {
  schedules,
  waitPatterns,
  workflowDefinitions,
  workflowVersions,
} from "../../src/store/schema/definitions.ts";
import { earlyReports, keptEvents } from "../../src/store/schema/events.ts";
import {
  moveBatches,
  partitionLeases,
  runMoves,
  streamAcks,
} from "../../src/store/schema/history.ts";
import { inboxItems } from "../../src/store/schema/inbox.ts";
import { childRuns, runStarts, stepRuns, workflowRuns } from "../../src/store/schema/runs.ts";
import { workflowCounters } from "../../src/store/schema/statistics.ts";
import { randomNumbers } from "../support/random/random-numbers.ts";
import { freshDatabase, type TestDatabase } from "../support/servers/database.ts";
import {
  CLOCK_SETTINGS,
  type DatabaseClock,
  installClock,
} from "../support/servers/database-clock.ts";
import { type ModelServer, makeModelServer } from "../support/sim/model/model-database.ts";
import { RandomRows } from "../support/sim/verbs/random-rows.ts";
import type { Side } from "../support/sim/verbs/verb.ts";
import { drawVerb } from "../support/sim/verbs/verbs.ts";
import { publishAll } from "../support/sim/versions.ts";

const SEQUENCES = 20;
const VERBS = 40;
const BEGIN_MS = Date.UTC(2026, 0, 1);
const TABLES =
  "workflow_runs, step_runs, child_runs, run_starts, run_moves, move_batches, effects, kept_events, kept_event_keys, early_reports, schedules, caller_keys, inbox_items, task_places, partition_leases, stream_acks, stream_marks, workflow_counters";

let server: TestDatabase;
let clock: DatabaseClock;
let database: Database;
let client: pg.Client;

beforeAll(async () => {
  server = await freshDatabase();
  clock = await installClock(server.url);
  const log = createLog({ level: "error", format: "pretty" });
  database = openDatabase({ url: server.url, log, settings: CLOCK_SETTINGS });
  client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { tables } = makeModelServer({ epochMs: BEGIN_MS, sleep: () => Promise.resolve() });
  publishAll(tables, new Date(BEGIN_MS));
  const { build } = database.write;
  await build.insert(workflowDefinitions).values([...tables.definitions.committed.values()]);
  await build.insert(workflowVersions).values([...tables.versions.committed.values()]);
  await build.insert(waitPatterns).values([...tables.waitPatterns.committed.values()]);
});

afterAll(async () => {
  await clock.close();
  await client.end();
  await database.close();
  await server.drop();
});

it("gives what Postgres gives, whatever the verbs", async () => {
  const given = process.env.SIMULATION_SEED;
  const seeds =
    given === undefined ? Array.from({ length: SEQUENCES }, (_, n) => n) : [Number(given)];
  for (const seed of seeds) await playVerbs(seed);
});

async function playVerbs(seed: number): Promise<void> {
  await client.query(`truncate ${TABLES} restart identity`);
  const time = { epochMs: BEGIN_MS + 60_000, sleep: () => Promise.resolve() };
  await clock.set(time.epochMs);
  const model = makeModelServer(time);
  publishAll(model.tables, new Date(BEGIN_MS));
  const network = {
    ...{ there: async () => {}, commit: async () => 0, back: async () => {} },
    ended: () => undefined,
  };
  const sides = [model.connect(network).database, database].map(sideOf);
  const rows = new RandomRows(randomNumbers(seed), () => time.epochMs);
  const seqs = new Map<string, number>();
  for (let n = 0; n < VERBS; n += 1) {
    const verb = drawVerb(rows, seqs);
    const results = [];
    for (const side of sides) results.push(comparable(await verb.run(side)));
    expect(results[0], `seed ${seed}, verb ${n}: ${verb.name}`).toEqual(results[1]);
    if (process.env.SIMULATION_SEED !== undefined || n + 1 === VERBS) {
      await compareTables(model, `seed ${seed}, after verb ${n}: ${verb.name}`);
    }
    const ms = rows.random.below(8_000);
    time.epochMs += ms;
    await clock.advance(ms);
  }
}

async function compareTables({ tables }: ModelServer, when: string): Promise<void> {
  const { build } = database.read;
  const kept = [
    [tables.runs, await build.select().from(workflowRuns)],
    [tables.steps, await build.select().from(stepRuns)],
    [tables.children, await build.select().from(childRuns)],
    [tables.starts, await build.select().from(runStarts)],
    [tables.effects, await build.select().from(effects)],
    [tables.moves, await build.select().from(runMoves)],
    [tables.batches, await build.select().from(moveBatches)],
    [tables.partitions, await build.select().from(partitionLeases)],
    [tables.streamAcks, await build.select().from(streamAcks)],
    [tables.kept, await build.select().from(keptEvents)],
    [tables.early, await build.select().from(earlyReports)],
    [tables.schedules, await build.select().from(schedules)],
    [tables.callerKeys, await build.select().from(callerKeys)],
    [tables.items, await build.select().from(inboxItems)],
    [tables.taskPlaces, await build.select().from(taskPlaces)],
    [tables.counters, await build.select().from(workflowCounters)],
  ] as const;
  for (const [table, rows] of kept) {
    const ofModel = [...table.committed.values()].map(plainRow);
    expect(comparable(ofModel), `${when}: ${table.name}`).toEqual(comparable(rows.map(plainRow)));
  }
}

/** Without who wrote it, the numbers that nobody sees, and a time that is the server's own. */
function plainRow(row: object): object {
  const hidden = "publishedAt" in row ? { createdAt: undefined } : {};
  const numbers = "arrivedAt" in row ? { seq: undefined } : {};
  return { ...row, ...hidden, ...numbers, xmin: undefined };
}

function sideOf(of: Database): Side {
  return { database: of, runVersions: new Map(), stepVersions: new Map() };
}

/** Without the versions of rows, and in an order of its own where the store promises none. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return comparable([...value]);
  if (value instanceof Set) return comparable([...value]);
  if (Array.isArray(value)) return value.map(comparable).sort(byText);
  if (typeof value !== "object" || value === null) return value;
  const known = Object.entries(value).filter(
    ([name, each]) => each !== undefined && name !== "rowVersion" && name !== "stepVersions",
  );
  // Postgres has an order of its own for the keys of JSON.
  return Object.fromEntries(known.map(([name, each]) => [name, comparable(each)] as const).sort());
}

function byText(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}
