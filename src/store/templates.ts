/**
 * Writes of the templates that workspaces keep.
 * Boundary: rows; what may be saved is decided by runtime/workspace-templates.ts.
 */
import type { Statement, Tx } from "./database.ts";
import type { TemplateRow } from "./reads/templates.ts";

/** A template to store. */
export type NewTemplate = Omit<TemplateRow, "savedAt" | "revision">;

/** A template by its id. */
export interface TemplateKey {
  readonly workspaceId: string;
  readonly id: string;
}

// A workspace without templates has no row to lock.
const LOCK: Statement = {
  name: "lock_workspace_templates",
  text: "select pg_advisory_xact_lock(hashtextextended('workspace_templates ' || $1::text, 0))",
};
const PUT: Statement = {
  name: "put_workspace_template",
  text: `insert into workspace_templates as t (workspace_id, id, title, summary, category, saved_by, reason, parameters_json,
      needs_json, etag, source_text, revision, saved_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, clock_timestamp())
    on conflict (workspace_id, id) do update set title = excluded.title, summary = excluded.summary,
      category = excluded.category, saved_by = excluded.saved_by, reason = excluded.reason,
      parameters_json = excluded.parameters_json, needs_json = excluded.needs_json, etag = excluded.etag,
      source_text = excluded.source_text, revision = t.revision + 1, saved_at = excluded.saved_at`,
};
const DELETE: Statement = {
  name: "delete_workspace_template",
  text: "delete from workspace_templates where workspace_id = $1 and id = $2",
};
const COUNT: Statement = {
  name: "count_workspace_templates",
  text: "select count(*)::int as total from workspace_templates where workspace_id = $1",
};

/** Keeps others from changing templates of the workspace until the transaction ends. */
export async function lockTemplates(tx: Tx, workspaceId: string): Promise<void> {
  await tx.query(LOCK, [workspaceId]);
}

/** Stores a template, in place of the one before. */
export async function putTemplate(tx: Tx, template: NewTemplate): Promise<void> {
  const { workspaceId, id, title, summary, category, savedBy, reason } = template;
  const { parametersJson, needsJson, etag, sourceText } = template;
  await tx.query(PUT, [
    ...[workspaceId, id, title, summary, category, savedBy, reason],
    ...[parametersJson, needsJson, etag, sourceText],
  ]);
}

/** Deletes a template. */
export async function deleteTemplate(tx: Tx, { workspaceId, id }: TemplateKey): Promise<void> {
  await tx.query(DELETE, [workspaceId, id]);
}

/** How many a workspace has. */
export async function countTemplates(tx: Tx, workspaceId: string): Promise<number> {
  const [row] = await tx.query<{ total: number }>(COUNT, [workspaceId]);
  return row?.total ?? 0;
}
