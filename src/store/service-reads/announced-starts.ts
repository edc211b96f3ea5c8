/**
 * Workflows whose starts are events of their own.
 * Boundary: reads only; who publishes them is egress/publish/announced-starts.ts.
 */
import type { Queries, Statement } from "../database.ts";

const FIND: Statement = {
  name: "find_announced_workflows",
  text: 'select definition_id as "definitionId" from workflow_details where announces_starts',
};

/** Their ids, of all workspaces. */
export async function findAnnounced(db: Queries): Promise<string[]> {
  const rows = await db.query<{ definitionId: string }>(FIND, []);
  return rows.map(({ definitionId }) => definitionId);
}
