/**
 * The little of a run that a request has to know before it is submitted.
 * Boundary: committed state; who may see a run is the caller's question.
 */
import type { Queries, Statement } from "../database.ts";

/** What never changes of a run. */
export interface RunHead {
  readonly workspaceId: string;
  readonly versionId: string;
  readonly hops: number;
}

const FIND: Statement = {
  name: "find_run_head",
  text: `select workspace_id as "workspaceId", version_id as "versionId", hops
    from workflow_runs where id = $1`,
};

/** The head of the run with this id. */
export async function findRunHead(db: Queries, runId: string): Promise<RunHead | undefined> {
  const [head] = await db.query<{ workspaceId: string; versionId: string; hops: number }>(FIND, [
    runId,
  ]);
  return head;
}
