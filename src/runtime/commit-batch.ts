/**
 * One commit for many runs: read and fold without a transaction, then lock, compare and save in one.
 * Boundary: the only code that writes runs. The processor answers callers, after the commit.
 * Invariants:
 * B1 All or nothing; what is in the outcome is committed, and only that.
 * B2 A commit whose answer is lost is looked up, never repeated on a guess: most inputs would count twice.
 * B3 No transaction is open while the engine works. A run that changed meanwhile is not saved; its inputs come again. So
 *    a run may be folded as this replica committed it last (committed-runs.ts).
 * B4 The key of a caller is marked with what its call changed, or the batch fails: another try holds it now.
 * B5 An event that was offered to a run before it was kept is kept with what it changed there.
 */
import { MissingRows } from "../engine/draft/missing-rows.ts";
import { TRANSITION_UNITS } from "../engine/values/budget.ts";
import type { LookupSource } from "../engine/values/lookups.ts";
import { isFinalStep } from "../engine/values/run.ts";
import { reached } from "../process/crash-points.ts";
import { beginTurn } from "../process/shared-turn.ts";
import type { AppliedKey } from "../store/caller-keys.ts";
import type { SentCommit } from "../store/commit-status.ts";
import type { Database, Tx } from "../store/database.ts";
import { loadRows, type WantedRows } from "../store/load-rows.ts";
import { isAway } from "../store/pg-errors.ts";
import { type Batch, type SavedBatch, saveBatch } from "../store/save-batch.ts";
import { type OpenWait, openWaitOf } from "../store/service-reads/open-waits.ts";
import type { UnfinishedRun } from "../store/service-reads/unfinished-runs.ts";
import { applyKeys } from "./caller-keys.ts";
import type { CommittedRuns } from "./committed-runs.ts";
import { confirmBatch } from "./confirm-batch.ts";
import { type FailedExpression, failedExpressionsOf } from "./failed-expressions.ts";
import {
  detailOf,
  type Folded,
  type FoldedRun,
  foldRun,
  guessRows,
  keepRows,
  type RunWork,
  roundsAtMost,
  rowsToAdd,
} from "./fold-run.ts";
import type { GraphCache } from "./graphs.ts";
import { keepTakenEvents } from "./keep-taken-events.ts";
import { createLargeTurns } from "./large-turns.ts";
import { mergeInPieces } from "./merge-in-pieces.ts";
import { type BatchItem, type ItemResult, type Plan, planBatch } from "./plan-batch.ts";
import { type CallsOfRuns, type EncodeDeps, encodeBatch, encodeCallsOf } from "./save-drafts.ts";
import { startedRunOf } from "./started-run.ts";
import type { Committed } from "./submission.ts";
import { wasCommitted } from "./unanswered-commit.ts";
import { committedBatches, committedTasks } from "./written-runs.ts";

/** What a batch needs. */
export interface CommitDeps extends EncodeDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly committed: CommittedRuns;
  readonly lookups: LookupSource;
  /** What one transition may spend (engine/values/budget.ts); TRANSITION_UNITS unless given. */
  readonly budget?: number;
}

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

/** What a batch has done before its transaction. */
interface Worked {
  readonly plan: Plan;
  readonly folded: readonly FoldedRun[];
  readonly calls: CallsOfRuns;
}

interface Written {
  readonly outcome: BatchOutcome;
  /** Runs that were written. */
  readonly kept: readonly FoldedRun[];
  /** Unset when nothing was written. */
  readonly commit: SentCommit | undefined;
}

/** What a batch may spend on all its runs, and on one run: so much is folded before others have the event loop. */
const BATCH_UNITS = 4 * TRANSITION_UNITS;
const RUN_UNITS = TRANSITION_UNITS;
/** A batch that spent more is written in its turn. */
const LARGE_UNITS = TRANSITION_UNITS;

const inLargeTurn = createLargeTurns();

/**
 * Commits a batch. Rejects with CommitUnknown, or with the error of the database when nothing is committed.
 */
export async function commitBatch(
  deps: CommitDeps,
  items: readonly BatchItem[],
): Promise<BatchOutcome> {
  try {
    const plan = await planBatch(deps, items);
    const folded = await foldAll(deps, plan);
    const units = folded.reduce((sum, { draft }) => sum + draft.budget.spent, 0);
    const commit = () => commitFolded(deps, items, plan, folded);
    return await (units > LARGE_UNITS ? inLargeTurn(commit) : commit());
  } catch (error) {
    // What is kept may be the reason: a row of a step was written elsewhere.
    for (const { runId } of items) deps.committed.forget(runId);
    throw error;
  }
}

async function commitFolded(
  deps: CommitDeps,
  items: readonly BatchItem[],
  plan: Plan,
  folded: readonly FoldedRun[],
): Promise<BatchOutcome> {
  const calls = await encodeCallsOf(deps, folded, plan.nowMs);
  await reached("batch.folded", detailOf(folded));
  const written: Written[] = [];
  try {
    const write = async (tx: Tx) => {
      written.push(await writeBatch(deps, tx, items, { plan, folded, calls }));
      await reached("batch.written");
    };
    await deps.database.transaction(write, { withBegin: true });
  } catch (error) {
    const [sent] = written;
    if (sent?.commit === undefined || !isAway(error)) throw error;
    if (!(await wasCommitted(deps.database, sent.commit, error))) throw error;
  }
  await reached("batch.committed");
  const [done] = written;
  if (done === undefined) throw new Error("a transaction was committed without its work");
  keepCommitted(deps.committed, folded, done);
  return done.outcome;
}

function keepCommitted(
  committed: CommittedRuns,
  folded: readonly FoldedRun[],
  { kept, commit }: Written,
): void {
  // A fold adds the rows that it reads, also where it changes nothing: what is not counted anew is forgotten.
  const written = new Set(commit === undefined ? [] : kept);
  for (const each of folded) if (!written.has(each)) committed.forget(each.work.run.id);
  if (commit !== undefined) committed.keep(kept, commit.transactionId);
}

async function writeBatch(
  deps: CommitDeps,
  tx: Tx,
  items: readonly BatchItem[],
  { plan, folded, calls }: Worked,
): Promise<Written> {
  const { kept, starts, answers } = await confirmBatch(tx, plan, folded);
  const encoded = encodeBatch(deps, kept, calls, starts, plan.nowMs);
  const results = resultsOf(plan, folded, answers);
  // Sent together, for one round trip.
  const [saved] = await Promise.all([
    saveBatch(tx, encoded.batch),
    keepTakenEvents(tx, items, results),
  ]);
  const keys = items.flatMap((item, place) => appliedKeyOf(item, results[place]));
  await applyKeys(tx, keys);
  const newCalls = new Set(saved?.newCalls);
  const outcome = {
    results,
    committed: {
      batches: committedBatches(saved?.batches ?? [], kept, plan.nowMs),
      calls: encoded.calls.filter(({ callId }) => newCalls.has(callId)),
      tasks: committedTasks(kept),
    },
    openedWaits: kept.flatMap(openedWaitsOf),
    learnedIds: kept.flatMap(learnedIdsOf),
    failedExpressions: failedExpressionsOf(kept),
    unfinished: kept.flatMap(({ draft: { run } }) =>
      run.continueAtMs === undefined ? [] : [{ runId: run.id, workspaceId: run.workspaceId }],
    ),
  };
  return { outcome, kept, commit: saved && sentCommitOf(saved, encoded.batch) };
}

function sentCommitOf({ transactionId, batches }: SavedBatch, { moves }: Batch): SentCommit {
  const [move] = moves;
  const batch = batches.find(({ partition }) => partition === move?.partition);
  if (move === undefined || batch === undefined) return { transactionId, move: undefined };
  const { runId, seq, recordedAt } = move;
  return { transactionId, move: { runId, seq, batchId: batch.id, recordedAt } };
}

/** Folds run after run until the batch has done enough; of the others nothing is folded. */
async function foldAll(deps: CommitDeps, { works, nowMs }: Plan): Promise<FoldedRun[]> {
  const { database, lookups, budget } = deps;
  const share = beginTurn();
  const done: FoldedRun[] = [];
  let unitsLeft = BATCH_UNITS;
  let open = [...works.values()];
  let wanted: WantedRows[] = open
    .filter(({ rowVersion }) => rowVersion !== undefined)
    .map(guessRows);
  for (let round = 1; open.length > 0; round += 1) {
    const found = await loadRows(database.write, wanted);
    for (const each of wanted) {
      const work = works.get(each.runId);
      const rows = found.get(each.runId);
      // Its turn comes with the next batch: there is no room for its payloads in this one.
      if (rows?.isLoaded === false) open = open.filter((other) => other !== work);
      else if (work !== undefined) keepRows(work, each, rows);
    }
    wanted = [];
    const again: RunWork[] = [];
    for (const work of open) {
      if (unitsLeft <= 0) return done;
      await share();
      const folded = foldRun(work, lookups, nowMs, { run: RUN_UNITS, transition: budget });
      if (!(folded instanceof MissingRows)) {
        unitsLeft -= folded.draft.budget.spent;
        done.push(folded);
        continue;
      }
      const rounds = round - work.merged.size;
      if (rounds >= roundsAtMost(work.graph)) {
        throw new Error(`run ${work.run.id}: ${folded.message}`);
      }
      for (const merge of folded.merges) {
        work.merged.set(merge.key, await mergeInPieces(database.write, work, merge));
      }
      again.push(work);
      wanted.push(rowsToAdd(work, folded, rounds));
    }
    open = again;
  }
  return done;
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
function appliedKeyOf({ submission }: BatchItem, result: ItemResult | undefined): AppliedKey[] {
  const { callerKey } = submission;
  if (callerKey === undefined || result?.kind !== "settled") return [];
  const { reply, runId } = result.settled;
  return reply.kind === "refused" ? [] : [{ ...callerKey, appliedTo: runId }];
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

/** A step that ended in the same batch takes no report any more. */
function learnedIdsOf({ draft }: FoldedRun): LearnedId[] {
  const { id: runId, workspaceId } = draft.run;
  return draft.learnedIds
    .filter(({ stepIndex }) => !isFinalStep(draft.marks.state(stepIndex)))
    .map(({ stepIndex, id }) => ({ runId, workspaceId, stepIndex, id }));
}
