/**
 * Reads of what versions were made from, and of versions without their graphs.
 * Boundary: rows as they are stored.
 */
import { and, desc, eq, lt, type SQL, sql } from "drizzle-orm";
import type { TriggerType } from "../../engine/values/definition.ts";
import type { Queries } from "../database.ts";
import { versionSources, workflowVersions } from "../schema/definitions.ts";
import { type Visibility, versionSeenBy } from "./visibility.ts";

/** What a version was made from, as it is stored. */
export type VersionSourceRow = typeof versionSources.$inferSelect;

/** The columns of a version's head; its source is joined. */
const HEAD = {
  id: workflowVersions.id,
  definitionId: workflowVersions.definitionId,
  version: workflowVersions.version,
  author: workflowVersions.author,
  triggerType: sql<TriggerType>`${workflowVersions.trigger}->>'triggerType'`.as("trigger_type"),
  createdAt: workflowVersions.createdAt,
  hasSource: sql<boolean>`${versionSources.versionId} is not null`.as("has_source"),
  note: versionSources.note,
  publishedBy: versionSources.publishedBy,
  publishedVia: versionSources.publishedVia,
} as const;

/** The join of a version with its source. */
const OF_VERSION: SQL = eq(versionSources.versionId, workflowVersions.id);

/** A version without steps and edges. */
export interface VersionHeadRow {
  readonly id: string;
  readonly definitionId: string;
  readonly version: number;
  readonly author: string;
  readonly triggerType: TriggerType;
  readonly createdAt: Date;
  readonly hasSource: boolean;
  /** Null: it has no source. */
  readonly note: string | null;
  readonly publishedBy: string | null;
  readonly publishedVia: string | null;
}

/** What a version was made from; undefined: it was published without. */
export async function findVersionSource(
  db: Queries,
  visibility: Visibility,
  versionId: string,
): Promise<VersionSourceRow | undefined> {
  const [row] = await db.build
    .select({ source: versionSources })
    .from(versionSources)
    .innerJoin(workflowVersions, OF_VERSION)
    .where(and(eq(versionSources.versionId, versionId), versionSeenBy(visibility)));
  return row?.source;
}

/** The head of a version. */
export async function findVersionHead(
  db: Queries,
  visibility: Visibility,
  versionId: string,
): Promise<VersionHeadRow | undefined> {
  const [row] = await db.build
    .select(HEAD)
    .from(workflowVersions)
    .leftJoin(versionSources, OF_VERSION)
    .where(and(eq(workflowVersions.id, versionId), versionSeenBy(visibility)));
  return row;
}

/** The highest number of a definition's versions; 0: it has none. Numbers have no gaps, so it is their count too. */
export async function findNewestNumber(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<number> {
  const { version } = workflowVersions;
  const [row] = await db.build
    .select({ version })
    .from(workflowVersions)
    .where(and(eq(workflowVersions.definitionId, definitionId), versionSeenBy(visibility)))
    .orderBy(desc(version))
    .limit(1);
  return row?.version ?? 0;
}

/** Heads of up to `limit` versions of a definition with a number below `before`, newest first. */
export function listVersionHeads(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
): Promise<VersionHeadRow[]> {
  const ofDefinition = eq(workflowVersions.definitionId, definitionId);
  const older = before === undefined ? undefined : lt(workflowVersions.version, before);
  return db.build
    .select(HEAD)
    .from(workflowVersions)
    .leftJoin(versionSources, OF_VERSION)
    .where(and(ofDefinition, older, versionSeenBy(visibility)))
    .orderBy(desc(workflowVersions.version))
    .limit(limit);
}
