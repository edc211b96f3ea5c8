/** Reads of drafts. Boundary: rows as they are stored. */
import { and, eq } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { workflowDefinitions } from "../schema/definitions.ts";
import { workflowDrafts } from "../schema/workflows.ts";
import { seenBy, type Visibility } from "./visibility.ts";

/** A draft as it is stored. */
export type DraftRow = typeof workflowDrafts.$inferSelect;

/** The draft of a workflow; undefined: it has none. */
export async function findDraft(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<DraftRow | undefined> {
  const { id, workspaceId } = workflowDefinitions;
  const [row] = await db.build
    .select({ draft: workflowDrafts })
    .from(workflowDrafts)
    .innerJoin(workflowDefinitions, eq(id, workflowDrafts.definitionId))
    .where(and(eq(id, definitionId), seenBy(visibility, workspaceId)));
  return row?.draft;
}
