/**
 * The one door to runs: every start and every input goes through here, into one of two lanes.
 * Boundary: takes submissions into lanes and hands on what commits leave to do; work-off.ts settles a batch of a lane.
 * Invariants:
 * 1. All inputs of a run are in one lane, in order.
 * 2. `stop` settles everything that was taken.
 */

import type { Call } from "../engine/values/call.ts";
import { type JsonObject, jsonSizeBytes } from "../engine/values/json.ts";
import { MAX_PAYLOAD_BYTES } from "../engine/values/limits.ts";
import type { LookupSource } from "../engine/values/lookups.ts";
import { newRunId } from "../process/ids.ts";
import type { Log } from "../process/log.ts";
import { Refusal } from "../process/refusal.ts";
import type { Database } from "../store/database.ts";
import { CommittedRuns } from "./committed-runs.ts";
import { createContinuations } from "./continuations.ts";
import { createDatabaseOutage } from "./database-outage.ts";
import { logFailed } from "./failed-expressions.ts";
import type { GraphCache } from "./graphs.ts";
import { createLane, type Lane } from "./lane.ts";
import { type LaneEntry, refuseOverloaded, workspaceOf } from "./lane-entry.ts";
import { LimitedWorkflows } from "./limited-workflows.ts";
import { MemoryTrust } from "./memory-trust.ts";
import { partitionOf } from "./partition.ts";
import {
  LearnedIds,
  type LearnedStep,
  objectIn,
  type ReportedObject,
} from "./routing/learned-ids.ts";
import { ListenedKeys } from "./routing/listened-keys.ts";
import { createMeeting, type Meeting } from "./routing/meet-events.ts";
import { type EventWatch, WatchedEvents } from "./routing/watched-events.ts";
import type { Committed, Settled, Submission } from "./submission.ts";
import { type WorkDeps, workOff } from "./work-off.ts";
import type { BatchOutcome } from "./write-batch.ts";

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
  /** The step that an object belongs to, as far as one reply that this replica took lately says so. */
  findStep(object: ReportedObject): LearnedStep | undefined;
  /** Whether a call of this replica may bring the id of an object just now. */
  isAwaited(object: ReportedObject): boolean;
  /** The step of an object, also by a reply that this replica takes within so many ms. */
  awaitStep(object: ReportedObject, withinMs: number): Promise<LearnedStep | undefined>;
  /** What the catalogue listens to; see listened-keys.ts. */
  readonly listenedKeys: ListenedKeys;
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
  /** Submissions that may wait in each lane, 8,000 unless given. */
  readonly laneLimit?: number;
  /** Keys of triggers, and of wait patterns, that are remembered for routing, 100,000 unless given. */
  readonly listenedKeysAtMost?: number;
  readonly budget?: number;
  /** By which time batches are folded before the database is asked; a new one unless given. */
  readonly memory?: MemoryTrust;
  /** Gives the ids of new runs; those of process/ids.ts unless given. */
  newRunId?(): string;
}

/** As many commits as are worth having in flight: while one is written, the next is folded. */
export const LANES = 2;
const LANE_LIMIT = 8_000;
const BATCH_AT_MOST = 500;

/** Makes a processor with idle lanes. */
export function createProcessor(deps: ProcessorDeps): Processor {
  let stopped = false;
  const makeRunId = deps.newRunId ?? newRunId;
  const watched = new WatchedEvents();
  const learned = new LearnedIds();
  const listenedKeys = new ListenedKeys(deps, deps.listenedKeysAtMost);
  const meeting = createMeeting({ ...deps, submit: enqueue });
  const continuations = createContinuations(deps.log, enqueue);
  const workDeps: WorkDeps = {
    ...deps,
    ...{ committed: new CommittedRuns(), memory: deps.memory ?? new MemoryTrust(), listenedKeys },
    limited: new LimitedWorkflows(),
    outage: createDatabaseOutage(deps.log),
    onCommitted(outcome, settled) {
      continuations.noteSettled(settled);
      learned.noteCalls(outcome.committed.calls);
      handOn(deps, meeting, outcome);
      for (const run of outcome.unfinished) continuations.submit(run);
    },
  };
  const lanes = makeLanes(workDeps, deps.laneLimit);

  function enqueue(submission: Submission): Promise<Settled> {
    const runId = submission.kind === "start" ? makeRunId() : submission.runId;
    const settling = new Promise<Settled>((resolve, reject) => {
      const takenAtMs = performance.now();
      const entry = { runId, submission, takenAtMs, resolve, reject };
      if (laneOf(lanes, runId).push(entry)) learned.note(submission);
      else refuseOverloaded(entry);
    });
    watched.note(submission, settling);
    return settling;
  }

  return {
    async submit(submission) {
      if (stopped) throw new Refusal("unavailable", "the service is stopping");
      if (submission.kind === "start") requireSize(submission.start.input);
      return enqueue(submission);
    },
    watchEvent: (workspaceId, eventId) => watched.watch(workspaceId, eventId),
    findStep: (object) => learned.findStep(object),
    isAwaited: (object) => learned.isAwaited(object),
    awaitStep: (object, withinMs) => learned.awaitStep(object, withinMs),
    listenedKeys,
    async stop() {
      stopped = true;
      continuations.stop();
      await Promise.all(lanes.map((lane) => lane.drained()));
      await meeting.stop();
      await listenedKeys.idle();
      await Promise.all(lanes.map((lane) => lane.drained()));
    },
  };
}

function makeLanes(workDeps: WorkDeps, waitingAtMost = LANE_LIMIT): Lane<LaneEntry>[] {
  return Array.from({ length: LANES }, () =>
    createLane<LaneEntry>({
      ...{ waitingAtMost, batchAtMost: BATCH_AT_MOST },
      turns: { keyOf: workspaceOf, refuse: refuseOverloaded },
      // Nothing moves by the id of a new object alone. The event about it often comes next: one commit for both.
      mayWait: ({ submission }) => objectIn(submission) !== "",
      work: (entries) => workOff(workDeps, entries),
    }),
  );
}

/** Hands on what a commit leaves to do. */
function handOn(deps: ProcessorDeps, meeting: Meeting, outcome: BatchOutcome): void {
  const { committed, openedWaits, learnedIds } = outcome;
  logFailed(deps.log, outcome.failedExpressions);
  if (openedWaits.length > 0 || learnedIds.length > 0) meeting.meet(openedWaits, learnedIds);
  if (leavesNothing(committed)) return;
  try {
    deps.onCommitted(committed);
  } catch (error) {
    // What is committed stays so and is found by the standing loops; the lane must go on.
    deps.log.error("a commit could not be handed on", { error });
  }
}

function leavesNothing({ batches, calls, tasks, dueInMs }: Committed): boolean {
  if (dueInMs !== Number.POSITIVE_INFINITY) return false;
  return [batches, calls, tasks.wanted, tasks.cancelled].every(({ length }) => length === 0);
}

function requireSize(input: JsonObject): void {
  const size = jsonSizeBytes(input);
  if (size <= MAX_PAYLOAD_BYTES) return;
  const message = `the input has ${size} bytes, over the limit of ${MAX_PAYLOAD_BYTES}`;
  throw new Refusal("too_large", message);
}

function laneOf(lanes: readonly Lane<LaneEntry>[], runId: string): Lane<LaneEntry> {
  // The partitions that one replica publishes, and starts runs in, may all be even or odd.
  const partition = partitionOf(runId);
  const lane = lanes[(partition + (partition >> 2)) % LANES];
  if (lane === undefined) throw new Error(`run ${runId} has no lane`);
  return lane;
}
