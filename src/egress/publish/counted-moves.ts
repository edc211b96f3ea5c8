/**
 * What the moves of batches count of their runs: starts, ends with outcome, duration and cost, and the steps that failed runs.
 * Boundary: pure. The counters are written with the mark of the batch (store/mark-published.ts).
 * Invariant: what a batch counts follows from its rows of the history alone, so it is the same whoever publishes it, and however often.
 */
import type { Graph } from "../../engine/graph/graph.ts";
import type { Move } from "../../engine/values/move.ts";
import { isFinalRun, type Run } from "../../engine/values/run.ts";
import type { EarlierEnd, RecordedMoves } from "../../store/outbox.ts";
import type { RunOutcome } from "../../store/reads/search-outcomes.ts";
import { COUNTER_KINDS, dayOf, durationClass, type RunCount } from "../../store/run-counts.ts";

type RunMove = Extract<Move, { of: "run" }>;

/** A run with rows of its history. */
export interface RunToCount {
  readonly run: Pick<Run, "id" | "definitionId" | "createdAtMs" | "startedAtMs">;
  readonly graph: Pick<Graph, "steps">;
  readonly rows: readonly Pick<RecordedMoves, "seq" | "batchId" | "recordedAt" | "moves">[];
}

type Row = RunToCount["rows"][number];

/** The places of a run's rows that open it again after its end. */
export function reopenedAt({ run, rows }: RunToCount): { runId: string; seq: number }[] {
  return rows.flatMap(({ seq, moves }) =>
    runMovesOf(moves).some(opensAgain) ? [{ runId: run.id, seq }] : [],
  );
}

/** See the file's head. */
export class CountedMoves {
  readonly #counts = new Map<number, RunCount[]>();

  /** Counts a run's rows. `ends` has the ends before the rows that open a run again. */
  add(counted: RunToCount, ends: readonly EarlierEnd[]): void {
    for (const row of counted.rows) {
      const counts = countsOf(counted, row, ends);
      if (counts.length === 0) continue;
      const ofBatch = this.#counts.get(row.batchId);
      if (ofBatch === undefined) this.#counts.set(row.batchId, counts);
      else ofBatch.push(...counts);
    }
  }

  /** What a batch counts. */
  of(batchId: number): readonly RunCount[] {
    return this.#counts.get(batchId) ?? [];
  }
}

function countsOf({ run, graph }: RunToCount, row: Row, ends: readonly EarlierEnd[]): RunCount[] {
  const counts: RunCount[] = [];
  const atMs = row.recordedAt.getTime();
  // The first row of a run has the sequence 1.
  if (row.seq === 1) {
    counts.push({ ...countOf(run, "started", "", atMs), lastAtMs: atMs });
  }
  for (const [place, move] of row.moves.entries()) {
    if (move.of !== "run" || move.from === move.to) continue;
    if (opensAgain(move)) counts.push(...takenBack(run, row, ends));
    const step = failedStep(row.moves.slice(0, place), move, graph);
    if (step !== undefined) counts.push(countOf(run, "failedStep", step, atMs));
    if (isFinalRun(move.to)) counts.push(...endCounts(run, move, atMs, 1));
  }
  return counts;
}

/** The end that no longer counts: it is taken from its own day. */
function takenBack(run: RunToCount["run"], { seq }: Row, ends: readonly EarlierEnd[]): RunCount[] {
  const row = ends.find((end) => end.runId === run.id && end.seq === seq);
  const end = row && runMovesOf(row.moves).findLast(({ from, to }) => from !== to);
  return row === undefined || end === undefined
    ? []
    : endCounts(run, end, row.recordedAt.getTime(), -1);
}

function endCounts(run: RunToCount["run"], move: RunMove, atMs: number, runs: 1 | -1): RunCount[] {
  const durationMs = Math.max(0, atMs - (run.startedAtMs ?? run.createdAtMs));
  return [
    {
      ...countOf(run, "ended", outcomeOf(move), atMs),
      ...{ runs, costUsd: runs * (move.total ?? 0), durationMs: runs * durationMs },
      lastAtMs: runs > 0 ? atMs : undefined,
    },
    { ...countOf(run, "duration", String(durationClass(durationMs)), atMs), runs },
  ];
}

function countOf(
  { definitionId }: RunToCount["run"],
  kind: keyof typeof COUNTER_KINDS,
  name: string,
  atMs: number,
): RunCount {
  return {
    ...{ definitionId, name, kind: COUNTER_KINDS[kind], day: dayOf(atMs) },
    ...{ runs: 1, costUsd: 0, durationMs: 0, lastAtMs: undefined },
  };
}

/** As the search for outcomes reads it (store/reads/search-outcomes.ts). */
function outcomeOf({ from, to, op, reason }: RunMove): RunOutcome {
  if (to === "COMPLETED") return "SUCCEEDED";
  if (to === "CANCELLED") return "CANCELLED";
  if (from === "COMPENSATING") {
    return op === "compensated" ? "COMPENSATED" : "COMPENSATION_FAILED";
  }
  return reason === "deadline" ? "TIMED_OUT" : "FAILED";
}

/** The step whose failure ends the run, or has it compensated; undefined where none did. */
function failedStep(
  before: readonly Move[],
  { from, to, reason }: RunMove,
  { steps }: RunToCount["graph"],
): string | undefined {
  const fails = to === "FAILED" || to === "COMPENSATING";
  if (!fails || from === "COMPENSATING" || isFinalRun(from) || reason === "deadline") {
    return undefined;
  }
  const failed = before.findLast((move) => move.of === "step" && move.to === "FAILED");
  return failed?.of === "step" ? steps[failed.step]?.def.id : undefined;
}

function opensAgain({ from, to }: RunMove): boolean {
  return isFinalRun(from) && !isFinalRun(to);
}

function runMovesOf(moves: readonly Move[]): RunMove[] {
  return moves.filter((move) => move.of === "run");
}
