/**
 * The little of a run that a request has to know before it is submitted.
 * Boundary: committed state.
 */
import type { Queries } from "../database.ts";
import { querySeen, seenStatement, type Visibility } from "./visibility.ts";

/** What never changes of a run. */
export interface RunHead {
  readonly workspaceId: string;
  readonly versionId: string;
  readonly hops: number;
  /** Null: production. */
  readonly environment: string | null;
}

const FIND = seenStatement(
  {
    name: "find_run_head",
    text: `select workspace_id as "workspaceId", version_id as "versionId", hops, environment
    from workflow_runs where id = $1`,
  },
  "workspace_id = $2",
);

/** The head of the run with this id. */
export async function findRunHead(
  db: Queries,
  visibility: Visibility,
  runId: string,
): Promise<RunHead | undefined> {
  const [head] = await querySeen<RunHead>(db, visibility, FIND, [runId]);
  return head;
}
