/**
 * A commit whose answer is lost: asks the database what came of it.
 * Boundary: asks and waits; what follows is the batch's (commit-batch.ts).
 */
import { setTimeout as delay } from "node:timers/promises";
import { findCommitStatus, type SentCommit } from "../store/commit-status.ts";
import type { Database } from "../store/database.ts";
import type { RunVersion } from "../store/lock-runs.ts";
import { isAway, isLostRace } from "../store/pg-errors.ts";
import type { Batch, SavedBatch } from "../store/save-batch.ts";
import { settleUnansweredSave } from "../store/unanswered-save.ts";

/** The commit was sent, and the database did not report its outcome within a few seconds. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
}

const STATUS_PATIENCE_MS = 5_000;
const STATUS_PAUSE_MS = 100;

/**
 * Polls the status of a commit until the server reports the outcome; `cause` is the error that lost its answer. Rejects
 * with CommitUnknown when it does not within 5 s.
 */
export function wasCommitted(
  database: Database,
  commit: SentCommit,
  cause: unknown,
): Promise<boolean> {
  return askUntilKnown(cause, async () => {
    const status = await findCommitStatus(database.read, commit);
    return status === "in progress" ? undefined : { known: status === "committed" };
  });
}

/** What a statement has saved that was not answered; undefined: it is not committed. Rejects as wasCommitted. */
export function findLostSave(
  { database, replicaId }: { readonly database: Database; readonly replicaId: string },
  marked: RunVersion,
  batch: Batch,
  cause: unknown,
): Promise<SavedBatch | undefined> {
  return askUntilKnown(cause, async () => ({
    known: await settleUnansweredSave(database, marked, batch, replicaId),
  }));
}

async function askUntilKnown<Outcome>(
  cause: unknown,
  ask: () => Promise<{ readonly known: Outcome } | undefined>,
): Promise<Outcome> {
  const until = performance.now() + STATUS_PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer.known;
    } catch (error) {
      // A transaction that holds a lock for so long has not ended.
      if (!isAway(error) && !isLostRace(error)) throw error;
    }
    await delay(STATUS_PAUSE_MS);
  }
  throw new CommitUnknown("cannot determine whether a batch is committed", { cause });
}
