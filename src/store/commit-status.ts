/**
 * What became of a transaction whose commit was sent and never answered.
 * Boundary: asks the server's own record; when to ask again is the caller's matter.
 */
import type { Queries, Statement } from "./database.ts";

/** Whether it is committed, rolled back, or still under way on the server. */
export type CommitStatus = "committed" | "aborted" | "in progress";

const STATUS: Statement = {
  name: "find_commit_status",
  text: "select pg_xact_status($1::xid8) as status",
};

/** The status of a transaction by its id. The server keeps it far longer than anybody asks. */
export async function findCommitStatus(db: Queries, transactionId: string): Promise<CommitStatus> {
  const [row] = await db.query<{ status: CommitStatus | null }>(STATUS, [transactionId]);
  if (!row?.status) throw new Error(`the server has forgotten transaction ${transactionId}`);
  return row.status;
}
