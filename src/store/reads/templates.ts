/** Reads of the templates that workspaces keep. Boundary: rows as they are stored. */
import { and, asc, eq, getTableColumns } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { workspaceTemplates } from "../schema/templates.ts";
import { seenBy, type Visibility } from "./visibility.ts";

/** A template as it is stored. */
export type TemplateRow = typeof workspaceTemplates.$inferSelect;
/** Without its text. */
export type TemplateHeadRow = Omit<TemplateRow, "sourceText">;

const { sourceText: _, ...HEAD } = getTableColumns(workspaceTemplates);

/** The template of a workspace with this id. */
export async function findTemplate(
  db: Queries,
  visibility: Visibility,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
): Promise<TemplateRow | undefined> {
  const { workspaceId: workspace, id: own } = workspaceTemplates;
  const [row] = await db.build
    .select()
    .from(workspaceTemplates)
    .where(and(eq(workspace, workspaceId), eq(own, id), seenBy(visibility, workspace)));
  return row;
}

/** The templates of a workspace, by their ids. */
export function listTemplates(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
): Promise<TemplateHeadRow[]> {
  const { workspaceId: workspace, id } = workspaceTemplates;
  return db.build
    .select(HEAD)
    .from(workspaceTemplates)
    .where(and(eq(workspace, workspaceId), seenBy(visibility, workspace)))
    .orderBy(asc(id));
}
