/**
 * The one door to runs: every start and every input goes through here, into a lane per partition.
 * Boundary: decides when to commit and which callers to answer; commit-batch.ts does the commit.
 * Invariants:
 * R1 The processor answers callers and hands on work only after the commit.
 * R2 A batch that fails by itself is tried in halves, so one bad input spoils only itself.
 * R3 A run with pending work goes on behind what waits in its lane, so that other runs have their turn in between; what
 *    is lost of this is found by the standing loop (ingress/timers/unfinished-runs.ts).
 * R4 A submission waits for a lost connection or a foreign lock PATIENCE_MS at most, then it is refused.
 */

import type { Call } from "../engine/values/effect.ts";
import { type JsonObject, jsonSizeBytes } from "../engine/values/json.ts";
import { MAX_PAYLOAD_BYTES } from "../engine/values/limits.ts";
import type { LookupSource } from "../engine/values/lookups.ts";
import { newRunId } from "../process/ids.ts";
import type { Log } from "../process/log.ts";
import { Refusal } from "../process/refusal.ts";
import type { Database } from "../store/database.ts";
import { isAway, isLostRace, isOverrun } from "../store/pg-errors.ts";
import { StaleRows } from "../store/save-batch.ts";
import type { UnfinishedRun } from "../store/service-reads/unfinished-runs.ts";
import { type BatchOutcome, CommitUnknown, commitBatch } from "./commit-batch.ts";
import { tellFailed } from "./failed-expressions.ts";
import type { GraphCache } from "./graphs.ts";
import { createLane, type Lane } from "./lane.ts";
import { PARTITIONS, partitionOf } from "./partition.ts";
import type { ItemResult } from "./plan-batch.ts";
import { createMeeting } from "./routing/meet-events.ts";
import { type EventWatch, WatchedEvents } from "./routing/watched-events.ts";
import type { Committed, Settled, Submission } from "./submission.ts";

export type { Committed, LeasedCall, RunStart, Submission } from "./submission.ts";

/** Takes everything that happens to runs. */
export interface Processor {
  /**
   * Resolves after the commit; a refusal of the engine is in the reply. Rejects with a Refusal: not_found (by RPC, an
   * unknown run or another workspace's), too_large, overloaded, lost_race, unavailable; or with what the input broke
   * on.
   */
  submit(submission: Submission): Promise<Settled>;
  /** Which runs take an event, whatever finds that they wait for it; see watched-events.ts. */
  watchEvent(workspaceId: string, eventId: string): EventWatch;
  /** Takes nothing more and resolves when everything taken is settled. */
  stop(): Promise<void>;
}

/**
 * What a processor needs. `budget` is what one transition may spend (engine/values/budget.ts). The processor calls
 * `onCommitted` after each commit that leaves something to do.
 */
export interface ProcessorDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly lookups: LookupSource;
  encodeCall(call: Call): Uint8Array;
  onCommitted(committed: Committed): void;
  readonly replicaId: string;
  readonly log: Log;
  /** Submissions that may wait in each lane, 2,000 unless given. */
  readonly laneLimit?: number;
  readonly budget?: number;
}

interface Entry {
  readonly runId: string;
  readonly submission: Submission;
  readonly takenAtMs: number;
  resolve(settled: Settled): void;
  reject(error: unknown): void;
}

const LANE_LIMIT = 2_000;
const BATCH_AT_MOST = 500;
const PATIENCE_MS = 5_000;

/** Makes a processor with idle lanes. */
export function createProcessor(deps: ProcessorDeps): Processor {
  let stopped = false;
  let awaySinceMs: number | undefined;
  /** Runs that are submitted to go on. */
  const goingOn = new Set<string>();
  const watched = new WatchedEvents();
  const meeting = createMeeting({ ...deps, submit: enqueue });
  const lanes = Array.from({ length: PARTITIONS }, (_, partition) =>
    createLane<Entry>({
      waitingAtMost: deps.laneLimit ?? LANE_LIMIT,
      batchAtMost: BATCH_AT_MOST,
      turns: { keyOf: workspaceOf, refuse: refuseOverloaded },
      work: (entries) => workOff(partition, entries),
    }),
  );

  function enqueue(submission: Submission): Promise<Settled> {
    const runId = submission.kind === "start" ? newRunId() : submission.runId;
    const settling = new Promise<Settled>((resolve, reject) => {
      const takenAtMs = performance.now();
      const entry = { runId, submission, takenAtMs, resolve, reject };
      if (!laneOf(lanes, runId).push(entry)) refuseOverloaded(entry);
    });

    watched.note(submission, settling);
    return settling;
  }

  /** Settles what it can and gives back what is to come again. */
  async function workOff(partition: number, entries: Entry[]): Promise<Entry[]> {
    if (entries.length === 0) return [];
    let outcome: BatchOutcome;
    try {
      outcome = await commitBatch(deps, partition, entries);
    } catch (error) {
      return recover(partition, entries, error);
    }
    noteBack();
    const again = entries.filter((entry, place) => comesAgain(entry, outcome.results[place]));
    const waiting = new Set(again);
    for (const entry of entries) {
      if (isGoingOn(entry) && !waiting.has(entry)) goingOn.delete(entry.runId);
    }
    handOn(outcome);
    for (const run of outcome.unfinished) goOn(run);
    return again;
  }

  /** Submits the next transition of a run with pending work, once at a time. No caller waits for it. */
  function goOn({ runId, workspaceId }: UnfinishedRun): void {
    if (stopped || goingOn.has(runId)) return;
    goingOn.add(runId);
    const cause = { kind: "engine", id: "run_continued" } as const;
    const input = { kind: "run_continued", cause } as const;
    enqueue({ kind: "input", runId, workspaceId, input }).catch((error: unknown) => {
      goingOn.delete(runId);
      deps.log.debug("a run goes on later", { runId, error });
    });
  }

  async function recover(partition: number, entries: Entry[], error: unknown): Promise<Entry[]> {
    if (error instanceof CommitUnknown) {
      deps.log.error("what came of a commit is not known", { partition, error });
      for (const entry of entries) refuse(entry, "unavailable", error);
      return [];
    }
    const away = isAway(error);
    const lost = error instanceof StaleRows || isLostRace(error);
    if (!isOverrun(error) && (away || lost)) {
      if (away) noteAway(partition, error);
      const reason = away ? "unavailable" : "lost_race";
      return entries.filter((entry) => waitsOn(entry, reason, error));
    }
    const [first] = entries;
    if (first !== undefined && entries.length === 1) {
      first.reject(isOverrun(error) ? tooCostly(error) : error);
      return [];
    }
    const half = Math.ceil(entries.length / 2);
    const again = await workOff(partition, entries.slice(0, half));
    // What comes again goes before what came later for the same run.
    const held = new Set(again.map(({ runId }) => runId));
    const second = entries.slice(half);
    const later = second.filter(({ runId }) => held.has(runId));
    const free = second.filter(({ runId }) => !held.has(runId));
    return [...again, ...later, ...(await workOff(partition, free))];
  }

  /** Warns once for all batches of all lanes, until the database is back; repeats are logged at debug level. */
  function noteAway(partition: number, error: unknown): void {
    const first = awaySinceMs === undefined;
    awaySinceMs ??= performance.now();
    deps.log[first ? "warn" : "debug"]("a batch waits for the database", { partition, error });
  }

  function noteBack(): void {
    if (awaySinceMs === undefined) return;
    const awayMs = Math.round(performance.now() - awaySinceMs);
    awaySinceMs = undefined;
    deps.log.info("batches are committed again", { awayMs });
  }

  function handOn(outcome: BatchOutcome): void {
    const { committed, openedWaits, learnedIds } = outcome;
    tellFailed(deps.log, outcome.failedExpressions);
    if (openedWaits.length > 0 || learnedIds.length > 0) meeting.meet(openedWaits, learnedIds);
    if (committed.batches.length === 0 && committed.calls.length === 0) return;
    try {
      deps.onCommitted(committed);
    } catch (error) {
      // What is committed stays so and is found by the standing loops; the lane must go on.
      deps.log.error("a commit could not be handed on", { error });
    }
  }

  return {
    async submit(submission) {
      if (stopped) throw new Refusal("unavailable", "the service is stopping");
      if (submission.kind === "start") requireSize(submission.start.input);
      return enqueue(submission);
    },
    watchEvent: (workspaceId, eventId) => watched.watch(workspaceId, eventId),
    async stop() {
      stopped = true;
      await Promise.all(lanes.map((lane) => lane.drained()));
      await meeting.stop();
      await Promise.all(lanes.map((lane) => lane.drained()));
    },
  };
}

function tooCostly(cause: unknown): Refusal {
  const message = "the change takes longer, or is larger, than the database allows";
  return new Refusal("too_costly", message, { cause });
}

function requireSize(input: JsonObject): void {
  const size = jsonSizeBytes(input);
  if (size <= MAX_PAYLOAD_BYTES) return;
  const message = `the input has ${size} bytes, over the limit of ${MAX_PAYLOAD_BYTES}`;
  throw new Refusal("too_large", message);
}

function isGoingOn({ submission }: Entry): boolean {
  return submission.kind === "input" && submission.input.kind === "run_continued";
}

function laneOf(lanes: readonly Lane<Entry>[], runId: string): Lane<Entry> {
  const lane = lanes[partitionOf(runId)];
  if (lane === undefined) throw new Error(`run ${runId} has no lane`);
  return lane;
}

/** Workspaces take turns in a lane; where a caller names none, the calls without one share a turn. */
function workspaceOf({ submission }: Entry): string {
  return submission.kind === "start" ? submission.start.workspaceId : submission.workspaceId;
}

function refuseOverloaded(entry: Entry): void {
  entry.reject(new Refusal("overloaded", "too many changes of runs are waiting"));
}

/** Answers the caller and gives false, or gives true when the submission is to be retried. */
function comesAgain(entry: Entry, result: ItemResult | undefined): boolean {
  if (result === undefined || result.kind === "later") return true;
  if (result.kind === "locked") return waitsOn(entry, "lost_race", undefined);
  if (result.kind === "settled") entry.resolve(result.settled);
  else entry.reject(result.error);
  return false;
}

/** Whether a submission comes again; one that has waited too long is refused. */
function waitsOn(entry: Entry, reason: "lost_race" | "unavailable", cause: unknown): boolean {
  if (performance.now() - entry.takenAtMs < PATIENCE_MS) return true;
  refuse(entry, reason, cause);
  return false;
}

function refuse(entry: Entry, reason: "lost_race" | "unavailable", cause: unknown): void {
  const message =
    reason === "lost_race"
      ? "another transaction is changing the run"
      : "the database cannot be reached";
  entry.reject(new Refusal(reason, message, cause === undefined ? {} : { cause }));
}
