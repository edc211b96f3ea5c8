/**
 * Writes of drafts.
 * Boundary: the row of a definition that the transaction has locked; which draft may be replaced is decided by
 * runtime/workflow-drafts.ts.
 */
import { eq, sql } from "drizzle-orm";
import type { JsonObject } from "../engine/values/json.ts";
import type { Tx } from "./database.ts";
import type { DraftRow } from "./reads/drafts.ts";
import { workflowDrafts } from "./schema/workflows.ts";

/** A draft to store. */
export interface NewDraft
  extends Pick<
    DraftRow,
    "etag" | "savedBy" | "format" | "sourceText" | "faultCount" | "baseVersion"
  > {
  /** Undefined: none was sent. */
  readonly layout: JsonObject | undefined;
}

/** What of a draft says whether it may be replaced. */
export type DraftMark = Pick<DraftRow, "etag" | "savedBy" | "savedAt" | "baseVersion"> & {
  /** How long ago it was saved, by the database's clock. */
  readonly ageMs: number;
};

/** The mark of a workflow's draft; undefined: it has none. */
export async function findDraftMark(tx: Tx, definitionId: string): Promise<DraftMark | undefined> {
  const { etag, savedBy, savedAt, baseVersion } = workflowDrafts;
  const ageMs = sql<number>`(extract(epoch from clock_timestamp() - ${savedAt}) * 1000)::float8`;
  const [row] = await tx.build
    .select({ etag, savedBy, savedAt, baseVersion, ageMs: ageMs.as("age_ms") })
    .from(workflowDrafts)
    .where(eq(workflowDrafts.definitionId, definitionId));
  return row;
}

/** Stores a draft in place of what is stored. */
export async function saveDraft(
  tx: Tx,
  definitionId: string,
  { layout, ...draft }: NewDraft,
): Promise<DraftRow> {
  const row = {
    ...draft,
    layoutJson: layout === undefined ? null : JSON.stringify(layout),
    savedAt: sql`clock_timestamp()`,
  };
  const [saved] = await tx.build
    .insert(workflowDrafts)
    .values({ ...row, definitionId })
    .onConflictDoUpdate({ target: workflowDrafts.definitionId, set: row })
    .returning();
  if (saved === undefined) throw new Error("an upsert gave no row");
  return saved;
}

/** Deletes the draft of a workflow, if it has one. */
export async function deleteDraft(tx: Tx, definitionId: string): Promise<void> {
  await tx.build.delete(workflowDrafts).where(eq(workflowDrafts.definitionId, definitionId));
}
