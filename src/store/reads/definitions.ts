/**
 * Reads of definitions and versions, for answers of RPCs and for compiling.
 * Boundary: rows as they are stored.
 */
import { and, arrayContains, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { VersionSpec } from "../../engine/values/definition.ts";
import type { Queries } from "../database.ts";
import { workflowDefinitions, workflowVersions } from "../schema/definitions.ts";
import { COUNT_LIMIT, NEWEST_FIRST, type Page } from "./page.ts";
import { seenBy, sees, type Visibility, versionSeenBy } from "./visibility.ts";

/** A definition as it is stored. */
export type DefinitionRow = typeof workflowDefinitions.$inferSelect;
/** A version as it is stored. */
export type VersionRow = typeof workflowVersions.$inferSelect;

/** Filters of a list of definitions; `tag` "" takes all. */
export interface DefinitionFilters {
  readonly workspaceId: string;
  readonly tag: string;
  readonly limit: number;
  readonly offset: number;
}

/** The definition with this id. */
export async function findDefinition(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<DefinitionRow | undefined> {
  const rows = await db.build
    .select()
    .from(workflowDefinitions)
    .where(
      and(eq(workflowDefinitions.id, id), seenBy(visibility, workflowDefinitions.workspaceId)),
    );
  return rows[0];
}

/** One page, newest first, with the number of all that fit, exact to 10,000 and 10,000 beyond. */
export async function listDefinitions(
  db: Queries,
  visibility: Visibility,
  filters: DefinitionFilters,
): Promise<Page<DefinitionRow>> {
  if (!sees(visibility, filters.workspaceId)) return { rows: [], total: 0 };
  const wanted = definitionFilter(filters);
  const counted = db.build
    .select({ one: sql`1`.as("one") })
    .from(workflowDefinitions)
    .where(wanted)
    .limit(COUNT_LIMIT)
    .as("counted");
  const [rows, totals] = await Promise.all([
    db.build
      .select()
      .from(workflowDefinitions)
      .where(wanted)
      .orderBy(...NEWEST_FIRST)
      .limit(filters.limit)
      .offset(filters.offset),
    db.build.select({ total: count() }).from(counted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** A version by its number. */
export async function findVersion(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  version: number,
): Promise<VersionRow | undefined> {
  const ofDefinition = eq(workflowVersions.definitionId, definitionId);
  const numbered = eq(workflowVersions.version, version);
  const rows = await db.build
    .select()
    .from(workflowVersions)
    .where(and(ofDefinition, numbered, versionSeenBy(visibility)));
  return rows[0];
}

/** Versions by their ids, those that exist. */
export function findVersions(
  db: Queries,
  visibility: Visibility,
  ids: readonly string[],
): Promise<VersionRow[]> {
  return db.build
    .select()
    .from(workflowVersions)
    .where(and(inArray(workflowVersions.id, [...ids]), versionSeenBy(visibility)));
}

/** What was published, out of its row. */
export function specOfVersion(row: VersionRow): VersionSpec {
  return {
    steps: row.steps,
    edges: row.edges,
    trigger: row.trigger,
    ...(row.defaultRetryPolicy === null ? {} : { defaultRetryPolicy: row.defaultRetryPolicy }),
    timeoutSeconds: row.timeoutSeconds,
    author: row.author,
  };
}

function definitionFilter({ workspaceId, tag }: DefinitionFilters): SQL | undefined {
  const ofWorkspace = eq(workflowDefinitions.workspaceId, workspaceId);
  if (tag === "") return ofWorkspace;
  const { tags, workspaceId: workspace } = workflowDefinitions;
  // The first condition finds rows by their index; the others distinguish a tag from a workspace of the same name.
  const found = sql`array_append(${tags}, ${workspace}) @> array[${tag}, ${workspaceId}]::text[]`;
  return and(found, ofWorkspace, arrayContains(tags, [tag]));
}
