/**
 * Writes of what a workflow has beside its versions, and its end.
 * Boundary: rows of a definition that the transaction has locked; what may be written is decided by runtime/workflows.ts.
 */
import { eq, getTableColumns, sql } from "drizzle-orm";
import type { PgUpdateSetSource } from "drizzle-orm/pg-core";
import type { Queries, Statement, Tx } from "./database.ts";
import type { DefinitionRow } from "./reads/definitions.ts";
import { workflowDefinitions } from "./schema/definitions.ts";
import { workflowDetails } from "./schema/workflows.ts";

/** What people say of a workflow. */
export interface WorkflowDetails {
  readonly owner: string;
  readonly team: string;
  /** Null: it is not archived. */
  readonly archivedAt: Date | null;
  /** The share of a day's ended runs above which failures are reported; null: the service's. */
  readonly highFailureRate: number | null;
  readonly announcesStarts: boolean;
  /** Rises with each change. */
  readonly revision: number;
}

/** Of a workflow without a row. */
export const NO_DETAILS: WorkflowDetails = {
  ...{ owner: "", team: "", archivedAt: null, revision: 0 },
  ...{ highFailureRate: null, announcesStarts: false },
};

/** What a definition is called. */
export type DefinitionWords = Pick<DefinitionRow, "name" | "description" | "tags">;

const HAS_RUNS: Statement = {
  name: "has_runs",
  text: `select exists (select 1 from workflow_runs
    where workspace_id = $1 and definition_id = $2) as "hasRuns"`,
};
const HAS_OPEN_RUNS: Statement = {
  name: "has_open_runs",
  text: `select exists (select 1 from workflow_versions v
    join workflow_runs r on r.version_id = v.id and r.completed_at is null
    where v.definition_id = $1) as "hasRuns"`,
};
const OF_VERSIONS =
  "version_id = any(array(select id from workflow_versions where definition_id = $1))";
/** In an order that no reference forbids. A table whose rows are a workflow's has a line here. */
const DELETES: readonly Statement[] = [
  ["workflow_drafts", "definition_id = $1"],
  ["workflow_details", "definition_id = $1"],
  ["workflow_deployments", "definition_id = $1"],
  ["workflow_endpoints", "definition_id = $1"],
  ["workflow_schedules", "definition_id = $1"],
  ["workflow_hooks", "definition_id = $1"],
  ["workflow_pauses", "definition_id = $1"],
  ["workflow_health", "definition_id = $1"],
  ["workflow_limits", "definition_id = $1"],
  ["missed_triggers", "definition_id = $1"],
  ["workflow_counters", "definition_id = $1"],
  ["schedules", "definition_id = $1"],
  ["version_facts", OF_VERSIONS],
  ["version_sources", OF_VERSIONS],
  ["wait_patterns", "workspace_id = $2 and definition_id = $1"],
  ["workflow_versions", "definition_id = $1"],
  ["workflow_definitions", "id = $1"],
].map(([table, condition]) => ({
  name: `delete_of_workflow_${table}`,
  // Each has both parameters.
  text: `delete from ${table} where ${condition} and $2::text <> ''`,
}));

/** What people say of a workflow that is locked. */
export async function findDetails(tx: Tx, definitionId: string): Promise<WorkflowDetails> {
  const { definitionId: _, ...columns } = getTableColumns(workflowDetails);
  const [row] = await tx.build
    .select(columns)
    .from(workflowDetails)
    .where(eq(workflowDetails.definitionId, definitionId));
  return row ?? NO_DETAILS;
}

/** Stores them in place of what is stored. */
export async function saveDetails(
  tx: Tx,
  definitionId: string,
  details: WorkflowDetails,
): Promise<void> {
  await tx.build
    .insert(workflowDetails)
    .values({ ...details, definitionId })
    .onConflictDoUpdate({ target: workflowDetails.definitionId, set: details });
}

/** Stores what the definition is called, and that it was updated now. */
export function saveWords(tx: Tx, definitionId: string, words: DefinitionWords) {
  return updateDefinition(tx, definitionId, { ...words, tags: [...words.tags] });
}

/** Lets the definition listen by this key from now on; undefined: to nothing. */
export function saveListening(tx: Tx, definitionId: string, triggerKey: string | undefined) {
  return updateDefinition(tx, definitionId, {
    triggerKey: triggerKey ?? null,
    listensSince: triggerKey === undefined ? null : sql`clock_timestamp()`,
  });
}

async function updateDefinition(
  tx: Tx,
  definitionId: string,
  set: PgUpdateSetSource<typeof workflowDefinitions>,
): Promise<DefinitionRow> {
  const [row] = await tx.build
    .update(workflowDefinitions)
    .set({ ...set, updatedAt: sql`clock_timestamp()` })
    .where(eq(workflowDefinitions.id, definitionId))
    .returning();
  if (row === undefined) throw new Error("a locked definition is gone");
  return row;
}

/** Whether runs of the definition are stored. */
export async function hasRuns(
  db: Queries,
  { workspaceId, id }: Pick<DefinitionRow, "workspaceId" | "id">,
): Promise<boolean> {
  const [row] = await db.query<{ hasRuns: boolean }>(HAS_RUNS, [workspaceId, id]);
  return row?.hasRuns === true;
}

/** Whether runs of the definition are open. */
export async function hasOpenRuns(db: Queries, definitionId: string): Promise<boolean> {
  const [row] = await db.query<{ hasRuns: boolean }>(HAS_OPEN_RUNS, [definitionId]);
  return row?.hasRuns === true;
}

/** Deletes a definition without runs, with all that is its. */
export async function deleteDefinition(tx: Tx, { id, workspaceId }: DefinitionRow): Promise<void> {
  for (const statement of DELETES) await tx.query(statement, [id, workspaceId]);
}
