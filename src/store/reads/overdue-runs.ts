/**
 * Runs that are past their deadline and still open.
 * Boundary: one statement over the index of deadlines. It reads 1,000 of them at most, of all workspaces together.
 */
import type { Queries } from "../database.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** A run past its deadline. */
export interface OverdueRun {
  readonly runId: string;
  readonly deadlineAt: Date;
}

const READ_AT_MOST = 1_000;
const FIND = seenWithin(
  "find_overdue_runs",
  (condition) => `select id as "runId", deadline_at as "deadlineAt" from (
      select id, deadline_at, workspace_id, state from workflow_runs
      where deadline_at < now() - make_interval(secs => $1) and completed_at is null
      order by deadline_at limit ${READ_AT_MOST}) as overdue
    where state <> 'COMPENSATING' and ($2::text = '' or workspace_id = $2) and ${condition}
    order by deadline_at limit $3::integer`,
  "workspace_id = $4",
);

/** Those of a workspace, of every one that is seen for "", that have been due for longest. */
export function findOverdueRuns(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
  { overSeconds, limit }: { readonly overSeconds: number; readonly limit: number },
): Promise<OverdueRun[]> {
  return querySeen<OverdueRun>(db, visibility, FIND, [overSeconds, workspaceId, limit]);
}
