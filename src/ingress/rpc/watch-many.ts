/**
 * Runs.WatchMany of workflows.ops.v1: the moves of many runs as one stream.
 * Boundary: one watcher; what all watchers share is runtime/run-feed.ts. It reads the table only for what the feed does not keep,
 * for several runs by one statement.
 * Invariant: each run has a cursor of its own, so that a stream goes on at any replica without a gap or a repeat.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type WatchManyRequest,
  WatchManyRequestSchema,
  type WatchManyResponse,
  WatchManyResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { Run } from "../../engine/values/run.ts";
import type { RunWatch } from "../../runtime/run-feed.ts";
import { woken } from "../../runtime/wakes.ts";
import type { RecordedRow } from "../../store/reads/run-history.ts";
import { findRuns } from "../../store/reads/runs.ts";
import { RUN_STATE_NUMBERS } from "../../wire/runs.ts";
import { checkFields, type Faults } from "./fields.ts";
import { graphOf, unknownRun } from "./run-answers.ts";
import { cursorOf, readCursor, runOfCursor } from "./run-cursors.ts";
import type { ReadDeps } from "./service-deps.ts";
import { STREAM_LIMITS, type StreamLimits } from "./stream-limits.ts";
import { onCutOff, type StreamClock, startClock, stopping } from "./streams.ts";
import { messageOf, type WatchDeps } from "./watch.ts";

/** A run of the stream, as it was read, with the place that the caller has. */
interface Place {
  readonly run: Run;
  readonly graph: Graph;
  seq: number;
}

/** A run that is watched. */
interface Followed extends Place {
  readonly watch: RunWatch;
}

type Message = MessageInitShape<typeof WatchManyResponseSchema>;

const RUNS_AT_MOST = 100;
/** Runs whose rows one statement reads. */
const READ_AT_ONCE = 10;

/** WatchMany: ends when all runs have ended. Rejects with a Refusal as Watch does. */
export async function* answerWatchMany(
  deps: WatchDeps,
  request: WatchManyRequest,
  limits: StreamLimits = STREAM_LIMITS,
): AsyncGenerator<WatchManyResponse> {
  const places = await readPlaces(deps, request);
  const followed = new Map<string, Followed>();
  const leave = () => {
    for (const { watch } of followed.values()) watch.close();
  };
  let release = () => {};
  try {
    for (const place of places) {
      followed.set(place.run.id, { ...place, watch: deps.feed.watch(place.run) });
    }
    release = onCutOff(deps, leave);
    const clock = startClock(deps, limits);
    for (const each of followed.values()) {
      yield sent(clock, each, { state: RUN_STATE_NUMBERS[each.run.state] });
      await clock.check();
    }
    yield* moves(deps, followed, clock);
  } finally {
    release();
    leave();
  }
}

async function* moves(
  deps: WatchDeps,
  followed: Map<string, Followed>,
  clock: StreamClock,
): AsyncGenerator<WatchManyResponse> {
  while (!deps.signal.aborted) {
    await clock.check();
    const rows = await nextRows(deps, followed);
    for (const [each, row] of rows) {
      each.seq = row.seq;
      yield sent(clock, each, { move: messageOf(each.run.id, each.graph, row) });
      await clock.check();
    }
    if (rows.length > 0) continue;
    dropEnded(followed);
    const [first] = followed.values();
    if (first === undefined) return;
    if (first.watch.isStopping) throw stopping();
    const all = [...followed.values()];
    if (!all.some(({ watch, seq }) => watch.hasChanged(seq))) {
      await woken(
        all.map(({ watch }) => watch.wakes),
        deps.signal,
        clock.untilNextMs(),
      );
    }
    if (!deps.signal.aborted && clock.isSilent()) yield sent(clock, first, {});
  }
}

function sent(clock: StreamClock, { run, seq }: Followed, message: Message): WatchManyResponse {
  const cursor = cursorOf(run.id, seq);
  return clock.sent(create(WatchManyResponseSchema, { ...message, cursor, runId: run.id }));
}

/** Rows that the caller does not have: what the feed keeps, and of some of the runs that are behind it what the table has. */
async function nextRows(
  { feed }: Pick<WatchDeps, "feed">,
  followed: Map<string, Followed>,
): Promise<[Followed, RecordedRow][]> {
  const next: [Followed, RecordedRow][] = [];
  const behind: Followed[] = [];
  for (const each of followed.values()) {
    const known = each.watch.after(each.seq);
    if (known === undefined) behind.push(each);
    else for (const row of known) next.push([each, row]);
  }
  const asked = behind.slice(0, READ_AT_ONCE);
  if (asked.length === 0) return next;
  const rows = await feed.rowsAfter(asked.map(({ run, seq }) => ({ runId: run.id, seq })));
  for (const row of rows) {
    const each = followed.get(row.runId);
    if (each !== undefined) next.push([each, row]);
  }
  // The next statement begins with others. The first run has a row at least, unless it was deleted.
  for (const [at, each] of asked.entries()) {
    followed.delete(each.run.id);
    if (at > 0 || rows[0]?.runId === each.run.id) followed.set(each.run.id, each);
    else each.watch.close();
  }
  return next;
}

function dropEnded(followed: Map<string, Followed>): void {
  for (const [runId, { watch, seq }] of followed) {
    if (!watch.isOver(seq)) continue;
    watch.close();
    followed.delete(runId);
  }
}

async function readPlaces(deps: ReadDeps, request: WatchManyRequest): Promise<Place[]> {
  const { runIds, after, onlyNew } = request;
  const faults = checkFields(WatchManyRequestSchema, request);
  checkIds(runIds, faults);
  if (after.length > RUNS_AT_MOST) {
    faults.add("after", `has ${after.length} cursors, over the limit of ${RUNS_AT_MOST}`);
  }
  faults.refuseIfAny();
  const found = await findRuns(deps.database.callers, deps.visibility, [...runIds]);
  const runs = new Map(found.map((run) => [run.id, run]));
  const unseen = runIds.find((runId) => !runs.has(runId));
  if (unseen !== undefined) throw unknownRun(unseen);
  const seqs = readCursors(after, runs, faults);
  const graphs = await deps.graphs.require([...new Set(found.map(({ versionId }) => versionId))]);
  return [...runs.values()].map((run) => {
    const seq = seqs.get(run.id) ?? (onlyNew ? run.seq : 0);
    return { run, graph: graphOf(graphs, run), seq };
  });
}

function checkIds(runIds: readonly string[], faults: Faults): void {
  if (runIds.length === 0) faults.add("run_ids", "is required");
  if (runIds.length > RUNS_AT_MOST) {
    faults.add("run_ids", `has ${runIds.length} runs, over the limit of ${RUNS_AT_MOST}`);
    return;
  }
  for (const [at, runId] of runIds.entries()) {
    if (runId === "") faults.add(`run_ids[${at}]`, "is empty");
    else if (runIds.indexOf(runId) < at) faults.add(`run_ids[${at}]`, "is named before");
  }
}

/** The place of each cursor by its run. Refuses one of no run of the stream. */
function readCursors(
  after: readonly string[],
  runs: ReadonlyMap<string, Run>,
  faults: Faults,
): Map<string, number> {
  const seqs = new Map<string, number>();
  for (const [at, cursor] of after.entries()) {
    const field = `after[${at}]`;
    const runId = runOfCursor(cursor);
    const run = runs.get(runId);
    if (runId === "") faults.add(field, "is no cursor of this service");
    else if (run === undefined) faults.add(field, `is of the run ${runId}, which is not watched`);
    else if (seqs.has(runId)) faults.add(field, `is a second one of the run ${runId}`);
    else seqs.set(runId, readCursor(cursor, field, run));
  }
  faults.refuseIfAny();
  return seqs;
}
