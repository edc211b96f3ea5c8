/**
 * Writes of definitions and versions, and what a write looks up.
 * Boundary: rows only; what is checked, and which events go out, is decided by runtime/definitions.ts.
 * Invariant: a version's number is the highest one of its definition and 1. The latest version may be an older one.
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

/** Inserts the next version of a definition that is locked. */
export async function insertVersion(
  tx: Tx,
  definition: DefinitionRow,
  version: NewVersion,
): Promise<VersionRow> {
  const [row] = await tx.build
    .insert(workflowVersions)
    .values(rowOfVersion(definition, version))
    .returning();
  if (row === undefined) throw new Error("an insert gave no row");
  await insertWaitPatterns(tx, definition, version);
  return row;
}

/** How a version becomes the latest one. */
interface Lead {
  /** Unset: it listens to no events. */
  readonly triggerKey: string | undefined;
  /** When; unset: now. */
  readonly at?: Date;
}

/** Makes a version the latest one of its definition, which is locked, and lets it listen from now on. */
export async function setLatestVersion(
  tx: Tx,
  { id, version, definitionId }: Pick<VersionRow, "id" | "version" | "definitionId">,
  { triggerKey, at }: Lead,
): Promise<DefinitionRow> {
  const [updated] = await tx.build
    .update(workflowDefinitions)
    .set({
      latestVersion: version,
      latestVersionId: id,
      updatedAt: at ?? sql`clock_timestamp()`,
      triggerKey: triggerKey ?? null,
      listensSince: triggerKey === undefined ? null : sql`clock_timestamp()`,
    })
    .where(eq(workflowDefinitions.id, definitionId))
    .returning();
  if (updated === undefined) throw new Error("a locked definition is gone");
  return updated;
}

function rowOfVersion(definition: DefinitionRow, { id, spec }: NewVersion) {
  return {
    id,
    definitionId: definition.id,
    version: sql`(select coalesce(max(version), 0) + 1 from workflow_versions where definition_id = ${definition.id})`,
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
