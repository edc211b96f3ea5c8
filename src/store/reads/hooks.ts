/** Hooks as callers see them. Boundary: rows without their secrets. */
import { and, asc, eq, getTableColumns } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { workflowHooks } from "../schema/workflow-hooks.ts";
import { seenBy, type Visibility } from "./visibility.ts";

const { sealedSecret: _, ...SHOWN } = getTableColumns(workflowHooks);

/** A hook without its secret. */
export type ShownHook = Omit<typeof workflowHooks.$inferSelect, "sealedSecret">;

/** The hooks of a workspace by their names; with `id` that one alone. There are 50 at most (runtime/hooks.ts). */
export function listHooks(
  db: Queries,
  visibility: Visibility,
  { workspaceId, id }: { readonly workspaceId: string; readonly id?: string },
): Promise<ShownHook[]> {
  const { workspaceId: own, id: ownId, name } = workflowHooks;
  return db.build
    .select(SHOWN)
    .from(workflowHooks)
    .where(
      and(
        eq(own, workspaceId),
        id === undefined ? undefined : eq(ownId, id),
        seenBy(visibility, own),
      ),
    )
    .orderBy(asc(name));
}
