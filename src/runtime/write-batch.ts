/**
 * What a batch writes, and what it has done once that is committed.
 * Boundary: pure but for encoding. Which way it is committed is the callers' (commit-batch.ts, commit-at-once.ts).
 */
import { isFinalStep } from "../engine/values/run.ts";
import type { AppliedKey } from "../store/caller-keys.ts";
import { dueAtMs } from "../store/rows.ts";
import type { Batch, SavedBatch } from "../store/save-batch.ts";
import { type OpenWait, openWaitOf } from "../store/service-reads/open-waits.ts";
import type { UnfinishedRun } from "../store/service-reads/unfinished-runs.ts";
import type { BatchItem, ItemResult, Plan } from "./batch-plan.ts";
import type { Confirmed } from "./confirm-batch.ts";
import { type FailedExpression, failedExpressionsOf } from "./failed-expressions.ts";
import type { Folded, FoldedRun } from "./fold-run.ts";
import { type CallsOfRuns, type EncodeDeps, encodeBatch } from "./save-drafts.ts";
import { startedRunOf } from "./started-run.ts";
import type { Committed, LeasedCall } from "./submission.ts";
import { takenEventsOf } from "./taken-events.ts";
import { committedBatches, committedTasks } from "./written-runs.ts";

/** The id of an object (objective, delegation, approval request) that a step learned in a batch. */
export interface LearnedId {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly id: string;
}

/** A committed batch; `results` has one entry an item, in order. */
export interface BatchOutcome {
  readonly results: readonly ItemResult[];
  readonly committed: Committed;
  /** Waits for events that the batch opened. */
  readonly openedWaits: readonly OpenWait[];
  readonly learnedIds: readonly LearnedId[];
  readonly failedExpressions: readonly FailedExpression[];
  /** Runs with pending work: it goes on by `run_continued`. */
  readonly unfinished: readonly UnfinishedRun[];
}

/** What a batch has done before it writes. */
export interface Worked {
  readonly plan: Plan;
  readonly folded: readonly FoldedRun[];
  readonly calls: CallsOfRuns;
}

/** What is to be written of a batch, with its answers if it is committed. */
export interface EncodedWrite {
  readonly batch: Batch;
  readonly calls: readonly LeasedCall[];
  readonly results: readonly ItemResult[];
  readonly kept: readonly FoldedRun[];
}

/** A batch that is committed. */
export interface Written {
  readonly outcome: BatchOutcome;
  /** Runs that were written. */
  readonly kept: readonly FoldedRun[];
  /** As the server gives it; unset when nothing was written. */
  readonly transactionId: string | undefined;
}

/** Turns what was confirmed into rows. */
export function encodeWritten(
  deps: EncodeDeps,
  items: readonly BatchItem[],
  { plan, folded, calls }: Worked,
  { kept, starts, answers }: Confirmed,
): EncodedWrite {
  const results = resultsOf(plan, folded, answers);
  const also = { starts, takenEvents: takenEventsOf(items, results) };
  return { ...encodeBatch(deps, kept, calls, also, plan), results, kept };
}

/** What a batch has done that was saved; unset: there was nothing to save. */
export function writtenOf(
  { kept, results, calls }: EncodedWrite,
  nowMs: number,
  saved: SavedBatch | undefined,
): Written {
  const newCalls = new Set(saved?.newCalls);
  const outcome = {
    results,
    committed: {
      batches: committedBatches(saved?.batches ?? [], kept, nowMs),
      calls: calls.filter(({ callId }) => newCalls.has(callId)),
      tasks: committedTasks(kept),
      dueInMs: nextTimerMs(kept) - nowMs,
    },
    openedWaits: kept.flatMap(openedWaitsOf),
    learnedIds: kept.flatMap(learnedIdsOf),
    failedExpressions: failedExpressionsOf(kept),
    unfinished: kept.flatMap(({ draft: { run } }) =>
      run.continueAtMs === undefined ? [] : [{ runId: run.id, workspaceId: run.workspaceId }],
    ),
  };
  return { outcome, kept, transactionId: saved?.transactionId };
}

/** The earliest timer of the steps that were written, or now where a run of a key ended, so that another may begin; Infinity: none. A deadline is a second away at least: it is looked for. */
function nextTimerMs(kept: readonly FoldedRun[]): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { draft } of kept) {
    const { concurrencyKey, completedAtMs } = draft.run;
    if (concurrencyKey !== undefined && completedAtMs !== undefined) return draft.nowMs;
    for (const rows of [draft.rows.inserted, draft.rows.updated]) {
      for (const row of rows) {
        if (row.timeoutAtMs === undefined && row.wakeAtMs === undefined) continue;
        next = Math.min(next, dueAtMs(row, draft.run.state));
      }
    }
  }
  return next;
}

/** What is neither answered nor folded comes again: the batch had done enough before. */
function resultsOf(
  plan: Plan,
  folded: readonly FoldedRun[],
  answers: ReadonlyMap<number, ItemResult>,
): ItemResult[] {
  const results = [...plan.results];
  for (const each of folded) {
    for (const result of each.results) results[result.place] = resultOf(each, result);
  }
  for (const [place, answer] of answers) results[place] = answer;
  return results.map((result) => result ?? { kind: "later" });
}

function resultOf(folded: FoldedRun, result: Folded): ItemResult {
  if ("error" in result) return { kind: "failed", error: result.error };
  const { reply } = result;
  const { run, rowVersion } = folded.work;
  if (rowVersion !== undefined) {
    return { kind: "settled", settled: { runId: run.id, reply, created: false } };
  }
  const started = () => startedRunOf(folded);
  return { kind: "settled", settled: { runId: run.id, reply, created: true, started } };
}

/** A call that the engine refused has changed nothing, and its key is given back. */
export function appliedKeysOf(
  items: readonly BatchItem[],
  results: readonly ItemResult[],
): AppliedKey[] {
  return items.flatMap(({ submission: { callerKey } }, place) => {
    const result = results[place];
    if (callerKey === undefined || result?.kind !== "settled") return [];
    const { reply, runId } = result.settled;
    return reply.kind === "refused" ? [] : [{ ...callerKey, appliedTo: runId }];
  });
}

function openedWaitsOf({ draft }: FoldedRun): OpenWait[] {
  const { id: runId, workspaceId, createdAtMs } = draft.run;
  return draft.openedWaits.flatMap((stepIndex) => {
    const { detail, waitEquals: equals = "" } = draft.rows.peek(stepIndex);
    const { wait } = detail;
    if (draft.marks.state(stepIndex) !== "WAITING" || wait === undefined) return [];
    return [openWaitOf({ runId, workspaceId, stepIndex, equals }, wait, createdAtMs)];
  });
}

/** A step that ended in the same batch takes no report any more; of an object that it left open it notes the end. */
function learnedIdsOf({ draft }: FoldedRun): LearnedId[] {
  const { id: runId, workspaceId } = draft.run;
  return draft.learnedIds
    .filter(({ stepIndex, id }) => {
      if (!isFinalStep(draft.marks.state(stepIndex))) return true;
      return draft.rows.peek(stepIndex).detail.leftOpen?.includes(id) === true;
    })
    .map(({ stepIndex, id }) => ({ runId, workspaceId, stepIndex, id }));
}
