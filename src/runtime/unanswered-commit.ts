/**
 * A commit whose answer is lost: asks the database what came of it.
 * Boundary: asks and waits; what follows is the batch's (commit-batch.ts).
 */
import { setTimeout as delay } from "node:timers/promises";
import { findCommitStatus, type SentCommit } from "../store/commit-status.ts";
import type { Database } from "../store/database.ts";
import { isAway } from "../store/pg-errors.ts";

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
export async function wasCommitted(
  database: Database,
  commit: SentCommit,
  cause: unknown,
): Promise<boolean> {
  const until = performance.now() + STATUS_PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const status = await findCommitStatus(database.read, commit);
      if (status !== "in progress") return status === "committed";
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    await delay(STATUS_PAUSE_MS);
  }
  throw new CommitUnknown(
    `cannot determine whether transaction ${commit.transactionId} is committed`,
    {
      cause,
    },
  );
}
