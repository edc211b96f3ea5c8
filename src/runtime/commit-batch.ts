/**
 * One commit for many runs: fold without a transaction, by what is kept or read, then lock, compare and save in one.
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
import { reached } from "../process/crash-points.ts";
import { beginTurn } from "../process/shared-turn.ts";
import type { SentCommit } from "../store/commit-status.ts";
import type { Database, Tx } from "../store/database.ts";
import { loadRows, type WantedRows } from "../store/load-rows.ts";
import { isAway } from "../store/pg-errors.ts";
import type { Batch, SavedBatch } from "../store/save-batch.ts";
import { ClosedWorkflow } from "../store/save-fences.ts";
import type { BatchItem, Plan } from "./batch-plan.ts";
import { applyKeys } from "./caller-keys.ts";
import { refuseClosed } from "./closed-starts.ts";
import { commitAtOnce, fitsOneStatement } from "./commit-at-once.ts";
import type { CommittedRuns } from "./committed-runs.ts";
import { confirmBatch } from "./confirm-batch.ts";
import {
  detailOf,
  type FoldedRun,
  foldRun,
  guessRows,
  keepRows,
  type RunWork,
  roundsAtMost,
  rowsToAdd,
} from "./fold-run.ts";
import type { GraphCache } from "./graphs.ts";
import { createLargeTurns } from "./large-turns.ts";
import type { LimitedWorkflows } from "./limited-workflows.ts";
import type { MemoryTrust } from "./memory-trust.ts";
import { mergeInPieces } from "./merge-in-pieces.ts";
import { planBatch } from "./plan-batch.ts";
import { planFromMemory } from "./plan-from-memory.ts";
import { type EncodeDeps, encodeCallsOf } from "./save-drafts.ts";
import { type EditionNotes, saveNoting } from "./save-noting.ts";
import { wasCommitted } from "./unanswered-commit.ts";
import {
  appliedKeysOf,
  type BatchOutcome,
  encodeWritten,
  type Worked,
  type Written,
  writtenOf,
} from "./write-batch.ts";

/** What a batch needs. */
export interface CommitDeps extends EncodeDeps {
  readonly database: Database;
  readonly graphs: GraphCache;
  readonly committed: CommittedRuns;
  readonly memory: MemoryTrust;
  readonly limited: LimitedWorkflows;
  readonly listenedKeys: EditionNotes;
  readonly lookups: LookupSource;
  /** What one transition may spend (engine/values/budget.ts); TRANSITION_UNITS unless given. */
  readonly budget?: number;
}

/** What a batch may spend on all its runs, and on one run: so much is folded before others have the event loop. */
const BATCH_UNITS = 4 * TRANSITION_UNITS;
const RUN_UNITS = TRANSITION_UNITS;
/** A batch that spent more is written in its turn. */
const LARGE_UNITS = TRANSITION_UNITS;

const inLargeTurn = createLargeTurns();

/**
 * Commits a batch; one with a start that may not begin commits nothing, and its others come again. Rejects with CommitUnknown, or with the error of the database when nothing is committed.
 */
export async function commitBatch(
  deps: CommitDeps,
  items: readonly BatchItem[],
): Promise<BatchOutcome> {
  try {
    const done = (await commitFromMemory(deps, items)) ?? (await commitRead(deps, items));
    return done.outcome;
  } catch (error) {
    // What is kept may be the reason: a row of a step was written elsewhere.
    forget(deps, items);
    if (error instanceof ClosedWorkflow) return refuseClosed(deps, items);
    throw error;
  }
}

function forget({ committed }: CommitDeps, items: readonly BatchItem[]): void {
  for (const { runId } of items) committed.forget(runId);
}

/** Undefined when nothing is written: something has to be read, or is not as it is kept. */
async function commitFromMemory(
  deps: CommitDeps,
  items: readonly BatchItem[],
): Promise<Written | undefined> {
  const plan = await planFromMemory(deps, items);
  if (plan === undefined) return undefined;
  // The engine may throw on rows that another replica has replaced. The batch is folded again by what is read.
  const kept = await foldAll(deps, plan).catch(() => undefined);
  if (kept !== undefined && !fitsOneStatement(plan, items, kept)) return undefined;
  const done =
    kept &&
    (await commitFolded(deps, kept, async (folded) =>
      commitAtOnce(deps, items, await encoded(deps, plan, folded)),
    ));
  if (typeof done === "object") return done;
  deps.memory.noteStale();
  forget(deps, items);
  return undefined;
}

async function commitRead(deps: CommitDeps, items: readonly BatchItem[]): Promise<Written> {
  const plan = await planBatch(deps, items);
  return commitFolded(deps, await foldAll(deps, plan), async (folded) => {
    const worked = await encoded(deps, plan, folded);
    const fits = fitsOneStatement(plan, items, folded);
    const done = fits ? await commitAtOnce(deps, items, worked) : "stale";
    return done === "stale" ? commitConfirmed(deps, items, worked) : done;
  });
}

async function encoded(
  deps: CommitDeps,
  plan: Plan,
  folded: readonly FoldedRun[],
): Promise<Worked> {
  const calls = await encodeCallsOf(deps, folded, plan.nowMs);
  await reached("batch.folded", detailOf(folded));
  return { plan, folded, calls };
}

async function commitFolded<Done extends Written | string>(
  deps: CommitDeps,
  folded: readonly FoldedRun[],
  commit: (folded: readonly FoldedRun[]) => Promise<Done>,
): Promise<Done> {
  const units = folded.reduce((sum, { draft }) => sum + draft.budget.spent, 0);
  const done = await (units > LARGE_UNITS ? inLargeTurn(() => commit(folded)) : commit(folded));
  if (typeof done === "string") return done;
  await reached("batch.committed");
  keepCommitted(deps.committed, folded, done);
  return done;
}

/** Locks first, so that what is locked or changed elsewhere is left out of the commit. */
async function commitConfirmed(
  deps: CommitDeps,
  items: readonly BatchItem[],
  worked: Worked,
): Promise<Written> {
  const written: { done: Written; sent: SentCommit | undefined }[] = [];
  try {
    const write = async (tx: Tx) => {
      const confirmed = await confirmBatch(tx, worked.plan, worked.folded);
      const encoded = encodeWritten(deps, items, worked, confirmed);
      const saved = await saveNoting(deps.listenedKeys, tx, encoded.batch);
      await applyKeys(tx, appliedKeysOf(items, encoded.results));
      const sent = saved && sentCommitOf(saved, encoded.batch);
      written.push({ done: writtenOf(encoded, worked.plan.nowMs, saved), sent });
      await reached("batch.written");
    };
    await deps.database.transaction(write, { withBegin: true });
  } catch (error) {
    const sent = written[0]?.sent;
    if (sent === undefined || !isAway(error)) throw error;
    if (!(await wasCommitted(deps.database, sent, error))) throw error;
  }
  const [first] = written;
  if (first === undefined) throw new Error("a transaction was committed without its work");
  return first.done;
}

function keepCommitted(
  committed: CommittedRuns,
  folded: readonly FoldedRun[],
  { kept, transactionId }: Written,
): void {
  // A fold adds the rows that it reads, also where it changes nothing: what is not counted anew is forgotten.
  const written = new Set(transactionId === undefined ? [] : kept);
  for (const each of folded) if (!written.has(each)) committed.forget(each.work.run.id);
  if (transactionId !== undefined) committed.keep(kept, transactionId);
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
