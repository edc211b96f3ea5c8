/**
 * Runs.Watch of workflows.ops.v1: the moves of a run as a stream.
 * Boundary: one watcher; what all watchers share is runtime/run-feed.ts. It reads the table only for what the feed does not keep.
 */

import { create } from "@bufbuild/protobuf";
import {
  type Move,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "../../../gen/workflows/ops/v1/runs_pb.ts";
import type { Graph } from "../../engine/graph/graph.ts";
import type { RunFeed } from "../../runtime/run-feed.ts";
import { findHistory, type RecordedRow } from "../../store/reads/run-history.ts";
import { checkFields } from "./fields.ts";
import { moveOf, requireRun } from "./history.ts";
import { unknownRun } from "./run-answers.ts";
import { cursorOf, readCursor } from "./run-cursors.ts";
import type { ReadDeps } from "./service-deps.ts";
import { STREAM_LIMITS, type StreamLimits } from "./stream-limits.ts";
import { onCutOff, type StreamCall, startClock, stopping } from "./streams.ts";

/** What a watch needs besides a read. */
export interface WatchDeps extends ReadDeps, StreamCall {
  readonly feed: RunFeed;
}

const PAGE = 200;
/** A row of the feed is one message for all who watch the run. */
const messages = new WeakMap<RecordedRow, Move>();
const responses = new WeakMap<RecordedRow, WatchResponse>();

/**
 * Watch: ends with the run. Rejects with a Refusal when the caller is slow, its token or the stream's time is over, the replica
 * stops, or the run is deleted.
 */
export async function* answerWatch(
  deps: WatchDeps,
  request: WatchRequest,
  limits: StreamLimits = STREAM_LIMITS,
): AsyncGenerator<WatchResponse> {
  const { runId, after } = request;
  const faults = checkFields(WatchRequestSchema, request);
  faults.require("run_id", runId);
  faults.refuseIfAny();
  const { run, graph } = await requireRun(deps, runId);
  let seq = after === "" ? 0 : readCursor(after, "after", run);
  const watch = deps.feed.watch(run);
  const release = onCutOff(deps, watch.close);
  const clock = startClock(deps, limits);
  try {
    yield clock.sent(create(WatchResponseSchema, { cursor: cursorOf(runId, seq) }));
    while (!deps.signal.aborted) {
      await clock.check();
      const known = watch.after(seq);
      const rows = known ?? (await readRows(deps, runId, seq));
      for (const row of rows) {
        seq = row.seq;
        yield clock.sent(responseOf(runId, graph, row));
        await clock.check();
      }
      if (rows.length > 0) continue;
      // The place is behind what the run had, and its rows are gone.
      if (known === undefined) throw unknownRun(runId);
      if (watch.isOver(seq)) return;
      if (watch.isStopping) throw stopping();
      await watch.changed(seq, deps.signal, clock.untilNextMs());
      if (!deps.signal.aborted && clock.isSilent()) {
        yield clock.sent(create(WatchResponseSchema, { cursor: cursorOf(runId, seq) }));
      }
    }
  } finally {
    release();
    watch.close();
  }
}

function readRows({ database, visibility }: ReadDeps, runId: string, seq: number) {
  const page = { seq, isDescending: false, limit: PAGE };
  return findHistory(database.callers, visibility, runId, page);
}

function responseOf(runId: string, graph: Graph, row: RecordedRow): WatchResponse {
  const made = responses.get(row) ?? newResponse(messageOf(runId, graph, row));
  responses.set(row, made);
  return made;
}

function newResponse(move: Move): WatchResponse {
  return create(WatchResponseSchema, { cursor: move.cursor, move });
}

/** A row as a message. */
export function messageOf(runId: string, graph: Graph, row: RecordedRow): Move {
  const made = messages.get(row) ?? moveOf(runId, graph, row);
  messages.set(row, made);
  return made;
}
