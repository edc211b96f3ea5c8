/**
 * What became of a transaction whose commit was sent and never answered.
 * Boundary: asks the server's own record; when to ask again is the caller's matter.
 * Invariant: an id alone proves nothing. After a crash the server gives the id of a transaction of which no log survived
 * to another one. So a commit is believed only with a row that no other transaction writes.
 */
import type { Queries, Statement } from "./database.ts";
import { isUnknownTransaction } from "./pg-errors.ts";

/** Whether it is committed, rolled back, or still under way on the server. */
export type CommitStatus = "committed" | "aborted" | "in progress";

/** A transaction, by what only it has written. */
export interface SentCommit {
  readonly transactionId: string;
  /** A row of its history; undefined when it has none. */
  readonly move: CommittedMove | undefined;
}

/** See SentCommit. */
export interface CommittedMove {
  readonly runId: string;
  readonly seq: number;
  readonly batchId: number;
  readonly recordedAt: Date;
}

const STATUS: Statement = {
  name: "find_commit_status",
  text: "select pg_xact_status($1::xid8) as status",
};
const MOVE: Statement = {
  name: "find_committed_move",
  text: `select true as found from run_moves
    where run_id = $1 and seq = $2 and batch_id = $3 and recorded_at = $4`,
};
/** The status of a transaction. The server keeps it far longer than anybody asks. */
export async function findCommitStatus(
  db: Queries,
  { transactionId, move }: SentCommit,
): Promise<CommitStatus> {
  const status = await statusOf(db, transactionId);
  if (status !== "committed" || move === undefined) return status;
  // Asked after the status: a snapshot of before may lack the row.
  const { runId, seq, batchId, recordedAt } = move;
  const rows = await db.query<{ found: true }>(MOVE, [runId, seq, batchId, recordedAt]);
  return rows.length > 0 ? "committed" : "aborted";
}

async function statusOf(db: Queries, transactionId: string): Promise<CommitStatus> {
  try {
    const [row] = await db.query<{ status: CommitStatus | null }>(STATUS, [transactionId]);
    if (!row?.status) throw new Error(`the server has forgotten transaction ${transactionId}`);
    return row.status;
  } catch (error) {
    // The server has forgotten it in a crash.
    if (isUnknownTransaction(error)) return "aborted";
    throw error;
  }
}
