/** How many changes workspaces had (store/changes.ts). Boundary: reads only, of many workspaces at once. */
import type { Queries, Statement } from "../database.ts";

/** The number of a workspace's last change. */
export type ChangeHead = { readonly workspaceId: string; readonly seq: number };

const FIND: Statement = {
  name: "find_change_heads",
  text: `select workspace_id as "workspaceId", seq from workflow_change_heads where workspace_id = any($1::text[])`,
};

/** Those of workspaces that had any. */
export function findChangeHeads(
  db: Queries,
  workspaceIds: readonly string[],
): Promise<ChangeHead[]> {
  return db.query<ChangeHead>(FIND, [workspaceIds]);
}
