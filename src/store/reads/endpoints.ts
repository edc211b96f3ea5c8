/** Endpoints as callers see them. Boundary: rows without hashes and secrets. */
import { and, asc, count, eq, getTableColumns, gt, inArray, isNotNull } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { workflowEndpoints } from "../schema/starters.ts";
import { COUNT_LIMIT } from "./page.ts";
import { seenBy, type Visibility } from "./visibility.ts";

const {
  tokenHash: _,
  oldTokenHash: _old,
  sealedSecret: _sealed,
  sealedToken: _token,
  ...SHOWN
} = getTableColumns(workflowEndpoints);

/** An endpoint without what is secret. */
export type ShownEndpoint = Omit<
  typeof workflowEndpoints.$inferSelect,
  "tokenHash" | "oldTokenHash" | "sealedSecret" | "sealedToken"
>;

/** Which endpoints; an empty definition id takes all of the workspace. */
interface EndpointFilters {
  readonly workspaceId: string;
  readonly definitionId: string;
}

/** One endpoint; undefined: the call sees none. */
export async function findEndpoint(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<ShownEndpoint | undefined> {
  const { workspaceId } = workflowEndpoints;
  const [row] = await db.build
    .select(SHOWN)
    .from(workflowEndpoints)
    .where(and(eq(workflowEndpoints.id, id), seenBy(visibility, workspaceId)));
  return row;
}

/** Up to `limit` endpoints with an id behind `after`, in the order of ids. */
export function listEndpoints(
  db: Queries,
  visibility: Visibility,
  filters: EndpointFilters,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<ShownEndpoint[]> {
  return db.build
    .select(SHOWN)
    .from(workflowEndpoints)
    .where(and(wanted(visibility, filters), gt(workflowEndpoints.id, after)))
    .orderBy(asc(workflowEndpoints.id))
    .limit(limit);
}

/** The sealed tokens of those of these endpoints that keep theirs, by their ids. */
export async function findSealedTokens(
  db: Queries,
  visibility: Visibility,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { id, sealedToken, workspaceId } = workflowEndpoints;
  const rows = await db.build
    .select({ id, sealedToken })
    .from(workflowEndpoints)
    .where(and(inArray(id, [...ids]), isNotNull(sealedToken), seenBy(visibility, workspaceId)));
  return new Map(
    rows.flatMap((row) => (row.sealedToken === null ? [] : [[row.id, row.sealedToken]])),
  );
}

/** How many there are, exact to 10,000. */
export async function countListedEndpoints(
  db: Queries,
  visibility: Visibility,
  filters: EndpointFilters,
): Promise<number> {
  const { id } = workflowEndpoints;
  const some = db.build
    .select({ id })
    .from(workflowEndpoints)
    .where(wanted(visibility, filters))
    .limit(COUNT_LIMIT)
    .as("some");
  const [row] = await db.build.select({ total: count() }).from(some);
  return row?.total ?? 0;
}

function wanted(visibility: Visibility, { workspaceId, definitionId }: EndpointFilters) {
  const table = workflowEndpoints;
  return and(
    eq(table.workspaceId, workspaceId),
    definitionId === "" ? undefined : eq(table.definitionId, definitionId),
    seenBy(visibility, table.workspaceId),
  );
}
