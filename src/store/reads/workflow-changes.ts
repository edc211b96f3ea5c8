/** What happened to the workflows of a workspace, for callers. Boundary: rows in their order; filters are the caller's. */
import type { JsonObject } from "../../engine/values/json.ts";
import type { Queries, Statement } from "../database.ts";
import { sees, type Visibility } from "./visibility.ts";

/** A change by its number. */
export interface ChangeRow {
  readonly seq: number;
  readonly change: JsonObject;
}

/** The numbers of a workspace's changes: the last one, and the first one that is kept, which is above the last one where none is. */
export interface ChangePlaces {
  readonly head: number;
  readonly oldest: number;
}

const PLACES: Statement = {
  name: "find_change_places",
  text: `select coalesce(h.seq, 0)::bigint as head, coalesce((
      select c.seq from workflow_changes c where c.workspace_id = w.id order by c.seq limit 1
    ), coalesce(h.seq, 0) + 1)::bigint as oldest
    from (select $1::text as id) as w left join workflow_change_heads h on h.workspace_id = w.id`,
};
const AFTER: Statement = {
  name: "list_changes_after",
  text: `select seq, change from workflow_changes where workspace_id = $1 and seq > $2::bigint
    order by seq limit $3::integer`,
};

/** Where a workspace's changes begin and end now. */
export async function findChangePlaces(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
): Promise<ChangePlaces> {
  const none = { head: 0, oldest: 1 };
  if (!sees(visibility, workspaceId)) return none;
  const [row] = await db.query<{ head: number; oldest: number }>(PLACES, [workspaceId]);
  return row ?? none;
}

/** The next changes after a number. */
export async function listChangesAfter(
  db: Queries,
  visibility: Visibility,
  { workspaceId, after, limit }: { workspaceId: string; after: number; limit: number },
): Promise<ChangeRow[]> {
  if (!sees(visibility, workspaceId)) return [];
  return db.query<{ seq: number; change: JsonObject }>(AFTER, [workspaceId, after, limit]);
}
