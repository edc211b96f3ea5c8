/**
 * All invariants of one system, over its database, its stream and the ledgers of its collaborators.
 * Boundary: reads only. What cannot be judged without something that was not given is reported as skipped.
 * The stream is opened before the snapshot of the database, so that all its events are committed in the snapshot.
 */
import type { Ledgers } from "../../src/sandbox/stage.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { costsAddUp } from "./costs.ts";
import { type EffectsMade, sortEffects } from "./effects-made.ts";
import { effectsOnce, findOwnerless } from "./effects-once.ts";
import { heldRuns } from "./held-runs.ts";
import { checkLeftovers } from "./leftovers.ts";
import { compareResults, type Results, resultsOf } from "./outputs.ts";
import { overtakenWriters } from "./overtaken-writers.ts";
import {
  Findings,
  INVARIANTS,
  type InvariantId,
  type Report,
  reportOf,
  skipped,
} from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import { runEnds } from "./run-ends.ts";
import { readRuns } from "./run-picture.ts";
import { openSnapshot, type Snapshot } from "./snapshot.ts";
import { storedState } from "./stored-state.ts";
import { openStreamDump, type StreamDump } from "./stream-dump.ts";
import { checkStream } from "./stream-order.ts";
import { timersInTime } from "./timers.ts";
import { checkReferences, workspacesTold } from "./workspaces.ts";

/** What is to be verified. */
export interface VerifyOptions {
  readonly databaseUrl: string;
  readonly natsUrl?: string;
  /** The stream of events out, `WORKFLOWS` when left out. */
  readonly stream?: string;
  /** Ids of runs whose start was acknowledged. */
  readonly acknowledged?: readonly string[];
  readonly ledgers?: Readonly<Ledgers>;
  /** What the same runs came to without faults (`readResults`). */
  readonly expectedOutputs?: Results;
  /** Ids that collaborators hold open; left out, any id counts as open. */
  readonly heldOpen?: ReadonlySet<string>;
  /** Nothing happens any more: everything must be published, ended or waiting. */
  readonly quiescent: boolean;
  /** How long a call's lease lasts, 20 s when left out. */
  readonly leaseMs?: number;
}

type Found = ReadonlyMap<InvariantId, Findings>;

const USUAL_STREAM = "WORKFLOWS";
const USUAL_LEASE_MS = 20_000;
const NO_LEDGERS = "needs the ledgers of the collaborators";
const RUN_CHECKS: readonly RunCheck[] = [
  effectsOnce,
  storedState,
  heldRuns,
  overtakenWriters,
  runEnds,
  costsAddUp,
  workspacesTold,
  timersInTime,
];

/** Checks what can be checked. Rejects when the database or the stream cannot be read. */
export async function verifyAll(options: VerifyOptions): Promise<Report[]> {
  const { databaseUrl, natsUrl, stream = USUAL_STREAM } = options;
  const before = await readClock(databaseUrl);
  const dump = natsUrl === undefined ? undefined : await openStreamDump(natsUrl, stream);
  try {
    const snapshot = await openSnapshot(databaseUrl);
    try {
      return await reportAll(snapshot, dump, { ...options, before });
    } finally {
      await snapshot.close();
    }
  } finally {
    await dump?.close();
  }
}

async function reportAll(
  snapshot: Snapshot,
  dump: StreamDump | undefined,
  options: VerifyOptions & { readonly before: Date },
): Promise<Report[]> {
  const { quiescent, before, acknowledged, expectedOutputs, ledgers } = options;
  const ids = Object.keys(INVARIANTS) as InvariantId[];
  const found: Found = new Map(ids.map((id) => [id, new Findings()]));
  const of = (id: InvariantId) => found.get(id) ?? new Findings();
  const made = ledgers && sortEffects(ledgers);
  if (acknowledged) await checkAcknowledged(snapshot, acknowledged, of("I1"));
  await checkRuns(snapshot, found, made, options);
  if (made) await findOwnerless(snapshot, made, of("I2"));
  if (dump) await checkStream(snapshot, dump, { quiescent, before }, of("I4"));
  await checkReferences(snapshot, of("I9"));
  await checkLeftovers(snapshot, quiescent, of("I10"));
  if (expectedOutputs) compareResults(expectedOutputs, await resultsOf(snapshot), of("I12"));
  if (!made) of("I5").note = "by the history alone";
  if (!made) of("I8").note = "totals against steps alone";
  const missing: Partial<Record<InvariantId, string>> = {
    ...(acknowledged ? {} : { I1: "needs the ids of acknowledged runs" }),
    ...(made ? {} : { I2: NO_LEDGERS }),
    ...(dump ? {} : { I4: "needs the stream" }),
    ...(quiescent ? {} : { I7: "needs a system in which nothing happens any more" }),
    ...(expectedOutputs ? {} : { I12: "needs the outputs of a run without faults" }),
  };
  return ids.map((id) => {
    const reason = missing[id];
    return reason === undefined ? reportOf(id, of(id)) : skipped(id, reason);
  });
}

async function checkRuns(
  snapshot: Snapshot,
  found: Found,
  made: EffectsMade | undefined,
  { leaseMs = USUAL_LEASE_MS, heldOpen, quiescent }: VerifyOptions,
): Promise<void> {
  const shared = { now: snapshot.now, leaseMs, heldOpen, costs: made?.costs };
  for await (const picture of readRuns(snapshot)) {
    const effects = made && (made.byRun.get(picture.run.id) ?? []);
    for (const { id, check } of RUN_CHECKS) {
      const findings = found.get(id);
      if (findings === undefined || (id === "I7" && !quiescent)) continue;
      check(picture, findings, { ...shared, effects });
    }
  }
}

async function readClock(databaseUrl: string): Promise<Date> {
  const snapshot = await openSnapshot(databaseUrl);
  await snapshot.close();
  return snapshot.now;
}
