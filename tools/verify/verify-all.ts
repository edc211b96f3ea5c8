/**
 * Checks all invariants of a database, of the stream and of the ledgers of other services.
 * Boundary: reads alone. What the caller does not give is skipped, each with its reason.
 */
import type pg from "pg";
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { checkAfterStop } from "./after-stop.ts";
import { checkCosts, usageBySteps } from "./costs.ts";
import { checkFencing } from "./fencing.ts";
import { checkHistory } from "./history.ts";
import { checkLedgers, entriesByRun } from "./ledgers.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkOutputs, type RunResults } from "./outputs.ts";
import { checkPublished } from "./published.ts";
import { beginFindings, type Findings, INVARIANTS, type Invariant, type Report } from "./report.ts";
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
}

const STREAM = "WORKFLOWS";

/** Checks the invariants and gives a report for each, in their order. */
export async function verifyAll(options: VerifyOptions): Promise<Report[]> {
  const client = await connectReadOnly(options.databaseUrl);
  try {
    const found = beginAll();
    await checkAcknowledged(found.I1, client, options.acknowledged);
    await checkLedgers(found.I2, client, options.ledgers);
    await checkRuns(found, client, options);
    await checkStream(found.I4, client, options);
    await checkOtherWorkspaces(found.I9, client);
    await checkLeftovers(found.I10, client, options.quiescent);
    checkOutputs(found.I12, options.outputs, options.expectedOutputs);
    return Object.values(found).map((findings) => findings.report());
  } finally {
    await client.end();
  }
}

function beginAll(): Record<Invariant, Findings> {
  const names = Object.keys(INVARIANTS) as Invariant[];
  return Object.fromEntries(names.map((name) => [name, beginFindings(name)])) as Record<
    Invariant,
    Findings
  >;
}

/** The invariants that are judged run by run, in one walk over all runs. */
async function checkRuns(
  found: Readonly<Record<Invariant, Findings>>,
  client: pg.Client,
  options: VerifyOptions,
): Promise<void> {
  const held = await heldBy(client, options);
  const entries = entriesByRun(options.ledgers);
  const usage = usageBySteps(options.ledgers);
  if (!options.quiescent) found.I7.skip("runs are still moving");
  for await (const page of runPages(client)) {
    for (const whole of page) {
      checkHistory(found.I3, whole);
      checkAfterStop(found.I5, whole, entries);
      checkFencing(found.I6, whole, entries);
      if (options.quiescent) checkWaiting(found.I7, whole, held);
      checkCosts(found.I8, whole, usage);
      checkTimers(found.I11, whole);
    }
    const ids = page.map(({ run }) => run.id);
    await checkWorkspaces(found.I9, client, ids);
  }
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
  { natsUrl, stream = STREAM, quiescent }: VerifyOptions,
): Promise<void> {
  if (natsUrl === undefined) {
    findings.skip("no NATS server was given");
    return;
  }
  const connection = await connectBus(natsUrl);
  try {
    await checkPublished(findings, { client, connection, stream, quiescent });
  } finally {
    await connection.close();
  }
}
