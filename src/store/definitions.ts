/**
 * Writes of definitions and versions, and what a write looks up.
 * Boundary: rows only; what is checked, and which events go out, is decided by runtime/definitions.ts.
 */
import { and, eq, sql } from "drizzle-orm";
import type { VersionSpec } from "../engine/values/definition.ts";
import type { Queries, Tx } from "./database.ts";
import type { DefinitionRow, VersionRow } from "./reads/definitions.ts";
import { waitPatterns, workflowDefinitions, workflowVersions } from "./schema/definitions.ts";

/** A definition to insert. */
export interface NewDefinition {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
}

/** Patterns of an event wait, as events are looked up by. */
export interface WaitPattern {
  readonly waitKey: string;
  readonly typePattern: string;
  readonly subjectPattern: string;
  /** Fields of the event that the wait's filter compares; null: none. */
  readonly eventPaths: string | null;
}

/** A version to insert; it gets the next number. */
export interface NewVersion {
  readonly id: string;
  readonly spec: VersionSpec;
  /** Unset: the version listens to no events. */
  readonly triggerKey: string | undefined;
  readonly waitPatterns: readonly WaitPattern[];
}

/** Inserts a definition; undefined when the name is taken in the workspace. */
export async function insertDefinition(
  tx: Tx,
  definition: NewDefinition,
): Promise<DefinitionRow | undefined> {
  const rows = await tx.build
    .insert(workflowDefinitions)
    .values({ ...definition, tags: [...definition.tags] })
    .onConflictDoNothing({
      target: [workflowDefinitions.workspaceId, workflowDefinitions.name],
    })
    .returning();
  return rows[0];
}

/** Locks a definition until the transaction ends, so that its versions are numbered without gaps. */
export async function lockDefinition(tx: Tx, id: string): Promise<DefinitionRow | undefined> {
  const rows = await tx.build
    .select()
    .from(workflowDefinitions)
    .where(eq(workflowDefinitions.id, id))
    .for("update");
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

/** Inserts the next version of a definition that is locked, and lets it listen from now on. */
export async function insertVersion(
  tx: Tx,
  definition: DefinitionRow,
  version: NewVersion,
): Promise<{ definition: DefinitionRow; version: VersionRow }> {
  const [row] = await tx.build
    .insert(workflowVersions)
    .values(rowOfVersion(definition, version))
    .returning();
  if (row === undefined) throw new Error("an insert gave no row");
  const [updated] = await tx.build
    .update(workflowDefinitions)
    .set({
      latestVersion: row.version,
      latestVersionId: row.id,
      updatedAt: row.createdAt,
      triggerKey: version.triggerKey ?? null,
      listensSince: version.triggerKey === undefined ? null : sql`clock_timestamp()`,
    })
    .where(eq(workflowDefinitions.id, definition.id))
    .returning();
  if (updated === undefined) throw new Error("a locked definition is gone");
  await insertWaitPatterns(tx, definition, version);
  return { definition: updated, version: row };
}

function rowOfVersion(definition: DefinitionRow, { id, spec }: NewVersion) {
  return {
    id,
    definitionId: definition.id,
    version: definition.latestVersion + 1,
    steps: [...spec.steps],
    edges: [...spec.edges],
    trigger: spec.trigger,
    defaultRetryPolicy: spec.defaultRetryPolicy ?? null,
    timeoutSeconds: spec.timeoutSeconds,
    author: spec.author,
    createdAt: sql`clock_timestamp()`,
  };
}

async function insertWaitPatterns(tx: Tx, definition: DefinitionRow, version: NewVersion) {
  if (version.waitPatterns.length === 0) return;
  const { id: definitionId, workspaceId } = definition;
  const rows = version.waitPatterns.map((pattern) => ({
    ...pattern,
    versionId: version.id,
    definitionId,
    workspaceId,
  }));
  await tx.build.insert(waitPatterns).values(rows);
}
