/**
 * The little of a definition that a start has to know. Starts come many at once, so that those of one moment share a read.
 * Boundary: committed state, never older than the question: a version that is published is the next start's.
 */
import { createGathered } from "../../process/gathered.ts";
import type { Queries, Statement } from "../database.ts";
import { sees, type Visibility } from "./visibility.ts";

/** Whose a definition is, and what is published of it. */
export interface DefinitionHead {
  readonly id: string;
  readonly workspaceId: string;
  readonly latestVersion: number;
  /** Null before the first version. */
  readonly latestVersionId: string | null;
  /** The JSON Schema of its input, as text; null: it has none. */
  readonly inputSchemaJson: string | null;
  /** Nothing starts runs of it; null: it is not so. */
  readonly isArchived: true | null;
  /** Why it is paused; null: it is not. */
  readonly pauseReason: string | null;
}

type Find = (id: string) => Promise<DefinitionHead | undefined>;

const FIND: Statement = {
  name: "find_definition_heads",
  text: `select d.id, d.workspace_id as "workspaceId", d.latest_version as "latestVersion",
      d.latest_version_id as "latestVersionId",
      (select s.input_schema_json from version_sources s where s.version_id = d.latest_version_id)
        as "inputSchemaJson",
      (select true from closed_workflows c where c.definition_id = d.id) as "isArchived",
      (select p.reason from workflow_pauses p where p.definition_id = d.id) as "pauseReason"
    from workflow_definitions d where d.id = any($1::text[])`,
};
// A reading side lives as long as the process.
const gathered = new WeakMap<Queries, Find>();

/** The head of the definition with this id. */
export async function findDefinitionHead(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<DefinitionHead | undefined> {
  const find = gathered.get(db) ?? gatherReads(db);
  gathered.set(db, find);
  const head = await find(id);
  return head !== undefined && sees(visibility, head.workspaceId) ? head : undefined;
}

function gatherReads(db: Queries): Find {
  return createGathered(async (ids) => {
    const rows = await db.query<DefinitionHead & Record<string, unknown>>(FIND, [
      [...new Set(ids)],
    ]);
    const heads = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => heads.get(id));
  });
}
