/**
 * Checks all invariants of a database, of the stream and of the ledgers of other services.
 * Boundary: reads alone. What the caller does not give is skipped, each with its reason.
 */
import type pg from "pg";
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { checkHistory } from "./history.ts";
import { checkLedgers } from "./ledgers.ts";
import { checkPublished } from "./published.ts";
import { beginFindings, type Findings, type Report } from "./report.ts";
import { connectReadOnly, runPages } from "./stored-runs.ts";
import { connectBus } from "./stream.ts";
import { checkWaiting, type HeldOpen } from "./waiting.ts";

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
  /** Whether nothing is moving any more: everything is published, and no call is open. */
  readonly quiescent: boolean;
}

const STREAM = "WORKFLOWS";

/** Checks the invariants and gives a report for each, in their order. */
export async function verifyAll(options: VerifyOptions): Promise<Report[]> {
  const client = await connectReadOnly(options.databaseUrl);
  try {
    const reports: Report[] = [
      await checked("I1", (found) => checkAcknowledged(found, client, options.acknowledged)),
      await checked("I2", (found) => checkLedgers(found, client, options.ledgers)),
      ...(await checkRuns(client, options)),
      await checked("I4", (found) => checkStream(found, client, options)),
    ];
    return reports.sort((a, b) => place(a) - place(b));
  } finally {
    await client.end();
  }
}

function place({ invariant }: Report): number {
  return Number(invariant.slice(1));
}

async function checked(
  invariant: Report["invariant"],
  check: (findings: Findings) => Promise<void>,
): Promise<Report> {
  const findings = beginFindings(invariant);
  await check(findings);
  return findings.report();
}

/** The invariants that are judged run by run. */
async function checkRuns(client: pg.Client, options: VerifyOptions): Promise<Report[]> {
  const histories = beginFindings("I3");
  const waiting = beginFindings("I7");
  const held = await heldBy(client, options);
  if (!options.quiescent) waiting.skip("runs are still moving");
  for await (const page of runPages(client)) {
    for (const whole of page) {
      checkHistory(histories, whole);
      if (options.quiescent) checkWaiting(waiting, whole, held);
    }
  }
  return [histories.report(), waiting.report()];
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
