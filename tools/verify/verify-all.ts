/**
 * Checks all invariants of a database, of the stream and of the ledgers of other services.
 * Boundary: reads alone. What the caller does not give is skipped, each with its reason.
 * Invariant: an invariant whose check breaks off is reported as failed with the cause, and the others are checked.
 */
import type pg from "pg";
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { checkAfterStop, LATE_OBJECTS_MS, type Made } from "./after-stop.ts";
import { checkCosts, usageBySteps } from "./costs.ts";
import { checkFencing } from "./fencing.ts";
import { checkHistory } from "./history.ts";
import { checkLedgers, entriesByRun } from "./ledgers.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkOutputs, type RunResults } from "./outputs.ts";
import { checkPublished } from "./published.ts";
import {
  beginFindings,
  type Findings,
  INVARIANTS,
  type Invariant,
  type Report,
  requireChecked,
} from "./report.ts";
import { connectReadOnly, runPages } from "./stored-runs.ts";
import { connectBus } from "./stream.ts";
import { checkTimers } from "./timers.ts";
import { checkWaiting, type HeldOpen } from "./waiting.ts";
import { checkOtherWorkspaces, checkWorkspaces } from "./workspaces.ts";

/** What is checked. */
export interface VerifyOptions {
  readonly databaseUrl: string;
  /** Without it the stream is not read. */
  readonly natsUrl?: string;
  /** The stream of the service's events; WORKFLOWS unless given. */
  readonly stream?: string;
  /** Ids of the runs whose start was acknowledged. */
  readonly acknowledged?: readonly string[];
  /** What the stand-ins of the other services made. */
  readonly ledgers?: Readonly<Ledgers>;
  /**
   * Ids of the objectives, delegations and approval requests that are not decided yet. Unless given, everything in the
   * ledgers may be.
   */
  readonly heldOpen?: ReadonlySet<string>;
  /** How the runs ended, by names of the caller's. */
  readonly outputs?: RunResults;
  /** How they ended without faults, by the same names. */
  readonly expectedOutputs?: RunResults;
  /** Whether nothing is moving any more: everything is published, and no call is open. */
  readonly quiescent: boolean;
  /** How long after the cancel of its run a call may make an object: a lease and its timeout. 30 s unless given. */
  readonly lateObjectsMs?: number;
  /** For a proof: these may be skipped, any other that is not checked is violated. Unless given, all may. */
  readonly maySkip?: readonly Invariant[];
  /** Is given lines that say how far it is. */
  readonly onProgress?: (line: string) => void;
}

type AllFindings = Readonly<Record<Invariant, Findings>>;

const STREAM = "WORKFLOWS";
const PROGRESS_EVERY_RUNS = 10_000;

/** Checks the invariants and gives a report for each, in their order. Rejects when the database cannot be reached. */
export async function verifyAll(options: VerifyOptions): Promise<Report[]> {
  const { acknowledged, ledgers, quiescent, onProgress, maySkip } = options;
  const client = await connectReadOnly(options.databaseUrl);
  try {
    const found = beginAll();
    await attempt([found.I1], () => checkAcknowledged(found.I1, client, acknowledged));
    await attempt([found.I2], () => checkLedgers(found.I2, client, ledgers));
    const { I3, I5, I6, I7, I8, I9, I11 } = found;
    await attempt([I3, I5, I6, I7, I8, I9, I11], () => checkRuns(found, client, options));
    await attempt([found.I4], () => checkStream(found.I4, client, options));
    await attempt([I9], () => checkOtherWorkspaces(I9, client, { onProgress }));
    await attempt([found.I10], () => checkLeftovers(found.I10, client, quiescent));
    checkOutputs(found.I12, options.outputs, options.expectedOutputs);
    const reports = Object.values(found).map((findings) => findings.report());
    return maySkip === undefined ? reports : reports.map((each) => requireChecked(each, maySkip));
  } finally {
    await client.end();
  }
}

function beginAll(): AllFindings {
  const names = Object.keys(INVARIANTS) as Invariant[];
  return Object.fromEntries(names.map((name) => [name, beginFindings(name)])) as AllFindings;
}

/** Makes a check; when it breaks off, the invariants that it is for are failed. */
async function attempt(
  invariants: readonly Findings[],
  check: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await check();
    return true;
  } catch (error) {
    for (const findings of invariants) findings.fail(error);
    return false;
  }
}

/** The invariants that are judged run by run, in one walk over all runs. */
async function checkRuns(
  found: AllFindings,
  client: pg.Client,
  options: VerifyOptions,
): Promise<void> {
  const { quiescent, onProgress } = options;
  const held = await heldBy(client, options);
  const made = madeBy(options);
  const usage = usageBySteps(options.ledgers);
  if (!quiescent) found.I7.skip("runs are still moving");
  let runs = 0;
  let knowsWorkspaces = true;
  for await (const page of runPages(client)) {
    for (const whole of page) {
      checkHistory(found.I3, whole);
      checkAfterStop(found.I5, whole, made);
      checkFencing(found.I6, whole, made.entries);
      if (quiescent) checkWaiting(found.I7, whole, held);
      checkCosts(found.I8, whole, usage);
      checkTimers(found.I11, whole);
      if (++runs % PROGRESS_EVERY_RUNS === 0) onProgress?.(`runs: ${runs} checked`);
    }
    const ids = page.map(({ run }) => run.id);
    if (knowsWorkspaces) {
      knowsWorkspaces = await attempt([found.I9], () => checkWorkspaces(found.I9, client, ids));
    }
  }
}

function madeBy({ ledgers, quiescent, lateObjectsMs = LATE_OBJECTS_MS }: VerifyOptions): Made {
  const cancelled = new Set(ledgers?.cancellations.map(({ id }) => id));
  const areAll = quiescent && ledgers !== undefined;
  return {
    entries: entriesByRun(ledgers),
    cancelled: areAll ? cancelled : undefined,
    lateObjectsMs,
  };
}

async function heldBy(client: pg.Client, { heldOpen, ledgers }: VerifyOptions): Promise<HeldOpen> {
  const { rows } = await client.query<{ now: Date }>("select clock_timestamp() as now");
  const now = rows[0]?.now ?? new Date(0);
  if (heldOpen !== undefined) return { now, isOpen: (id) => heldOpen.has(id) };
  if (ledgers === undefined) return { now, isOpen: () => true };
  const made = [ledgers.objectives, ledgers.delegations, ledgers.approvals].flat();
  const ids = new Set(made.map(({ id }) => id));
  return { now, isOpen: (id) => ids.has(id) };
}

async function checkStream(
  findings: Findings,
  client: pg.Client,
  { natsUrl, stream = STREAM, quiescent, onProgress }: VerifyOptions,
): Promise<void> {
  if (natsUrl === undefined) {
    findings.skip("no NATS server was given");
    return;
  }
  const connection = await connectBus(natsUrl);
  try {
    const progress = onProgress === undefined ? {} : { onProgress };
    await checkPublished(findings, { client, connection, stream, quiescent, ...progress });
  } finally {
    await connection.close();
  }
}
