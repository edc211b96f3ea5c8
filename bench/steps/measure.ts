/**
 * Measures one load: starts its runs, ends their first step, then counts while the next ten end.
 * Boundary: gives numbers; prints and judges nothing.
 * Invariants:
 * 1. Each measured step ends one step and begins the next, so no cost falls outside.
 * 2. All pages were touched since the last checkpoint, so the log holds changes and no whole pages.
 */
import type pg from "pg";
import { createDefinition, publishVersion } from "../../src/runtime/definitions.ts";
import type { LeasedCall, RunStart } from "../../src/runtime/submission.ts";
import { openDatabase } from "../../src/store/database.ts";
import { countsEach, growthOfCounts, type WireCounts } from "../parts/pg-messages.ts";
import { type Counters, growthOf, readCounters, rowsOf, waitForSessions } from "./counters.ts";
import { benchLog, type Driver, endStep, startRuns, withDriver } from "./driver.ts";
import { type Load, MEASURED_STEPS, makePayload } from "./loads.ts";
import { readWalShares, type WalShare } from "./wal-shares.ts";

/** What a load cost; the sums are of all its steps. */
export interface Measurement {
  readonly load: Load;
  readonly steps: number;
  /** Inputs that were submitted: one or more a step. */
  readonly inputs: number;
  readonly commits: number;
  readonly seconds: number;
  readonly writes: Counters;
  readonly rows: number;
  /** Empty without pg_walinspect. */
  readonly shares: readonly WalShare[];
  /** What Postgres was asked, of all steps. */
  readonly counts: WireCounts;
  /** What it was asked for each step of a run that is alone. */
  readonly alone: WireCounts;
}

/** The server that is measured, with a session for counters and settings. */
export interface Bench {
  /** Its address through a relay that counts. */
  readonly url: string;
  readonly counts: () => WireCounts;
  readonly client: pg.Client;
  readonly hasShares: boolean;
}

// Half-filled pages of an earlier load would be logged whole when this one finds them.
const EMPTY = "truncate workflow_runs, step_runs, run_moves, move_batches, effects, run_starts";
const WORKSPACE = "ws_01k9zq3v7x4n8m2b6c5d0f1g2h";

/** Measures a load on the bench's database; nothing else may use that server meanwhile. */
export async function measure(bench: Bench, load: Load): Promise<Measurement> {
  const { client, url } = bench;
  const version = await publish(url, load);
  const calls = new Map<string, LeasedCall>();
  await client.query(EMPTY);
  await client.query("checkpoint");
  const runIds = await withDriver(url, calls, async (driver) => {
    const started = await startRuns(driver, () => startOf(version));
    await endStep(driver, load, started, 0);
    return started;
  });
  await client.query("analyze");
  const before = await readSettled(client);
  const timed = await withDriver(url, calls, (driver) => endSteps(bench, driver, load, runIds));
  const after = await readSettled(client);
  const alone = await withDriver(url, calls, (driver) => endAlone(bench, driver, load, version));
  const writes = growthOf(before, after);
  const steps = runIds.length * MEASURED_STEPS;
  return {
    load,
    steps,
    inputs: steps * load.inputs.length,
    ...timed,
    writes,
    rows: [...writes.tables.values()].reduce((sum, table) => sum + rowsOf(table), 0),
    alone,
    shares: bench.hasShares ? await readWalShares(client, before.walBytes, after.walBytes) : [],
  };
}

async function endSteps(bench: Bench, driver: Driver, load: Load, runIds: readonly string[]) {
  const beganAt = performance.now();
  const before = bench.counts();
  for (let step = 1; step <= MEASURED_STEPS; step += 1) await endStep(driver, load, runIds, step);
  const seconds = (performance.now() - beganAt) / 1_000;
  return { seconds, commits: driver.commits(), counts: growthOfCounts(before, bench.counts()) };
}

/** What each step asks Postgres for when nothing shares its commits. */
async function endAlone(
  bench: Bench,
  driver: Driver,
  load: Load,
  version: Version,
): Promise<WireCounts> {
  const start = startOf(version);
  const cause = { kind: "rpc", id: "StartRun" } as const;
  const { runId } = await driver.processor.submit({ kind: "start", start, cause });
  // The first step opens connections and fills caches.
  await endStep(driver, load, [runId], 0);
  const before = bench.counts();
  for (let step = 1; step <= MEASURED_STEPS; step += 1) await endStep(driver, load, [runId], step);
  return countsEach(growthOfCounts(before, bench.counts()), MEASURED_STEPS);
}

async function readSettled(client: pg.Client): Promise<Counters> {
  await waitForSessions(client);
  return readCounters(client);
}

type Version = Pick<RunStart, "definitionId" | "versionId" | "definitionVersion">;

async function publish(url: string, load: Load): Promise<Version> {
  const database = openDatabase({ url, log: benchLog });
  try {
    const { id: definitionId } = await createDefinition(
      { database },
      { workspaceId: WORKSPACE, name: load.name, description: "", tags: [] },
    );
    const { version } = await publishVersion({ database }, { definitionId, spec: load.spec });
    return { definitionId, versionId: version.id, definitionVersion: version.version };
  } finally {
    await database.close();
  }
}

function startOf(version: Version): RunStart {
  return {
    ...version,
    workspaceId: WORKSPACE,
    triggerType: "MANUAL",
    triggerEventId: "",
    triggerSource: "",
    initiatorAgentId: "",
    initiatorUserId: "",
    parentRunId: "",
    entityId: "",
    entityType: "",
    hops: 0,
    input: makePayload(),
  };
}
