/** What keeps deployed workflows from working, as it was found last. Boundary: rows as they are stored; a batch of definitions at once. */
import type { Queries } from "../database.ts";
import { querySeen, seenStatement, type Visibility } from "./visibility.ts";

/** Why a version cannot work, a sentence each. */
export interface WorkflowHealth {
  readonly versionId: string;
  readonly reasons: readonly string[];
}

const FIND = seenStatement(
  {
    name: "find_workflow_health",
    text: `select definition_id as "definitionId", version_id as "versionId", reasons_json as "reasonsJson"
      from workflow_health where definition_id = any($1::text[])`,
  },
  "workspace_id = $2",
);

/** Those of these definitions that cannot work, by their ids. */
export async function findWorkflowHealth(
  db: Queries,
  visibility: Visibility,
  definitionIds: readonly string[],
): Promise<ReadonlyMap<string, WorkflowHealth>> {
  if (definitionIds.length === 0) return new Map();
  const rows = await querySeen<{ definitionId: string; versionId: string; reasonsJson: string }>(
    db,
    visibility,
    FIND,
    [definitionIds],
  );
  return new Map(
    rows.map(({ definitionId, versionId, reasonsJson }) => [
      definitionId,
      { versionId, reasons: JSON.parse(reasonsJson) },
    ]),
  );
}
