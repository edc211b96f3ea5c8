/**
 * Reads of definitions and versions, for answers of RPCs and for compiling.
 * Boundary: rows as they are stored; who may see them is the caller's question (each row names its workspace).
 */
import { and, arrayContains, count, desc, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { VersionSpec } from "../../engine/values/definition.ts";
import type { Queries } from "../database.ts";
import { workflowDefinitions, workflowVersions } from "../schema/definitions.ts";
import { COUNT_LIMIT, NEWEST_FIRST, type Page } from "./page.ts";

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
export async function findDefinition(db: Queries, id: string): Promise<DefinitionRow | undefined> {
  const rows = await db.build
    .select()
    .from(workflowDefinitions)
    .where(eq(workflowDefinitions.id, id));
  return rows[0];
}

/** The definition with this name in the workspace. */
export async function findDefinitionByName(
  db: Queries,
  workspaceId: string,
  name: string,
): Promise<DefinitionRow | undefined> {
  const { workspaceId: workspace, name: named } = workflowDefinitions;
  const rows = await db.build
    .select()
    .from(workflowDefinitions)
    .where(and(eq(workspace, workspaceId), eq(named, name)));
  return rows[0];
}

/** One page, newest first, with the number of all that fit, exact to 10,000 and 10,000 beyond. */
export async function listDefinitions(
  db: Queries,
  filters: DefinitionFilters,
): Promise<Page<DefinitionRow>> {
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

/** A version by its number; 0 takes the latest. */
export async function findVersion(
  db: Queries,
  definitionId: string,
  version: number,
): Promise<VersionRow | undefined> {
  const ofDefinition = eq(workflowVersions.definitionId, definitionId);
  const rows = await db.build
    .select()
    .from(workflowVersions)
    .where(version === 0 ? ofDefinition : and(ofDefinition, eq(workflowVersions.version, version)))
    .orderBy(desc(workflowVersions.version))
    .limit(1);
  return rows[0];
}

/** Versions by their ids, those that exist. */
export function findVersions(db: Queries, ids: readonly string[]): Promise<VersionRow[]> {
  return db.build
    .select()
    .from(workflowVersions)
    .where(inArray(workflowVersions.id, [...ids]));
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
