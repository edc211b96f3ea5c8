/**
 * Runs as a commit has left them: what the events of its moves are made of, so that they need not be read again.
 * Boundary: looks into drafts that are committed. Nothing of it may be changed: later batches may share the rows.
 */
import type { HistoryRow } from "../engine/draft/draft.ts";
import type { Graph } from "../engine/graph/graph.ts";
import type { JsonObject } from "../engine/values/json.ts";
import type { Run, StepRun } from "../engine/values/run.ts";
import type { TaskChanges } from "../engine/values/task.ts";
import type { SavedBatch } from "../store/save-batch.ts";
import type { FoldedRun } from "./fold-run.ts";
import { partitionOf } from "./partition.ts";

/** A run that a commit has moved. */
export interface WrittenRun {
  readonly run: Run;
  readonly graph: Graph;
  /** The rows of its history that the commit wrote. */
  readonly history: readonly HistoryRow[];
  readonly recordedAt: Date;
  /** Unset where the commit did not know it. */
  readonly input: JsonObject | undefined;
  /** The row of a step; undefined where the commit did not know it. */
  findStep(index: number): StepRun | undefined;
}

/** The moves of a commit that are published in one partition. */
export interface CommittedBatch {
  readonly id: number;
  readonly partition: number;
  /** All runs that it moved, or none where its events are made of what is stored. */
  readonly runs: readonly WrittenRun[];
}

/** The batches of a commit, each with the runs that it moved. */
export function committedBatches(
  batches: SavedBatch["batches"],
  written: readonly FoldedRun[],
  nowMs: number,
): CommittedBatch[] {
  const moved = written.filter(({ draft }) => draft.history.length > 0);
  return batches.map(({ id, partition }) => ({
    id,
    partition,
    runs: moved
      .filter(({ draft }) => partitionOf(draft.run.id) === partition)
      .map((each) => writtenRun(each, nowMs)),
  }));
}

/** What a commit leaves to do about tasks of workers. */
export function committedTasks(written: readonly FoldedRun[]): TaskChanges {
  return {
    wanted: written.flatMap(({ draft }) => draft.tasks.wanted),
    cancelled: written.flatMap(({ draft }) => draft.tasks.cancelled),
    ended: written.flatMap(({ draft }) => draft.tasks.ended),
  };
}

function writtenRun({ work, draft }: FoldedRun, nowMs: number): WrittenRun {
  const { run, graph, history, rows } = draft;
  return {
    run,
    graph,
    history,
    recordedAt: new Date(nowMs),
    input: work.input,
    findStep: (index) => (rows.isLoaded(index) ? rows.peek(index) : undefined),
  };
}
