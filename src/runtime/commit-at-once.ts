/**
 * Commits a batch by one statement, which is its own transaction: it locks, compares, saves and commits in one round trip.
 * Boundary: batches that only take inputs to stored runs, or start runs beside that. What needs locks of another kind
 * (starts by event, keys of callers, keys of open runs), and what another transaction has locked or changed, goes through confirm-batch.ts.
 * Invariants:
 * A1 All or nothing: where one run or step is not as it was read, nothing is written.
 * A2 A statement whose answer is lost may still be on its way to the server, and has no transaction that could be asked for. One
 *    run that it changes is marked first, so that it fails from then on; then its rows say whether it is committed.
 */
import type { Database } from "../store/database.ts";
import { AnswerLost } from "../store/pg-errors.ts";
import type { SavedBatch } from "../store/save-batch.ts";
import { StaleRows } from "../store/save-fences.ts";
import { markedRunOf } from "../store/unanswered-save.ts";
import type { BatchItem, Plan } from "./batch-plan.ts";
import { isStored } from "./confirm-batch.ts";
import type { FoldedRun } from "./fold-run.ts";
import type { MemoryTrust } from "./memory-trust.ts";
import { beginsUnderKey } from "./run-limits.ts";
import type { EncodeDeps } from "./save-drafts.ts";
import { type EditionNotes, saveNoting } from "./save-noting.ts";
import { findLostSave } from "./unanswered-commit.ts";
import { encodeWritten, type Worked, type Written, writtenOf } from "./write-batch.ts";

/** What it needs. */
interface CommitAtOnceDeps extends EncodeDeps {
  readonly database: Database;
  readonly memory: MemoryTrust;
  readonly listenedKeys: EditionNotes;
}

/** Whether a batch is of the kind that one statement commits: a stored run of it changes, and its history with it. */
export function fitsOneStatement(
  { starts }: Pick<Plan, "starts">,
  items: readonly BatchItem[],
  folded: readonly FoldedRun[],
): boolean {
  if (starts.length > 0 || folded.some(beginsUnderKey)) return false;
  if (items.some(({ submission }) => submission.callerKey !== undefined)) return false;
  return folded.some(
    ({ work, draft }) =>
      work.rowVersion !== undefined && draft.runChanged && draft.history.length > 0,
  );
}

/**
 * Commits a batch that fits one statement. "stale": something of it is not as it was read, or is locked; nothing is
 * written.
 */
export async function commitAtOnce(
  deps: CommitAtOnceDeps,
  items: readonly BatchItem[],
  worked: Worked,
): Promise<Written | "stale"> {
  const { plan, folded } = worked;
  const kept = folded.filter(isStored);
  const confirmed = { kept, starts: [], answers: new Map() };
  const encoded = encodeWritten(deps, items, worked, confirmed);
  const marked = markedRunOf(encoded.batch);
  if (marked === undefined)
    throw new Error("a batch that fits one statement changes no stored run");
  const written = (saved: SavedBatch | undefined) => writtenOf(encoded, plan.nowMs, saved);
  try {
    const saved = await saveNoting(deps.listenedKeys, deps.database.alone, encoded.batch);
    if (saved?.nowMs !== undefined) deps.memory.noteClock(saved.nowMs);
    return written(saved);
  } catch (error) {
    if (error instanceof StaleRows) return "stale";
    if (!(error instanceof AnswerLost)) throw error;
    const saved = await findLostSave(deps, marked, encoded.batch, error);
    if (saved === undefined) throw error;
    return written(saved);
  }
}
