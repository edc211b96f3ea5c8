/**
 * Definitions with the heads of their latest versions: by name, and page by page.
 * Boundary: rows as they are stored. A page with a part of a name examines 5,000 definitions at most.
 */
import { and, eq, getTableColumns, inArray } from "drizzle-orm";
import type { Queries, Statement } from "../database.ts";
import { versionSources, workflowDefinitions, workflowVersions } from "../schema/definitions.ts";
import type { DefinitionRow } from "./definitions.ts";
import { COUNT_LIMIT } from "./page.ts";
import { HEAD, OF_VERSION, type VersionHeadRow } from "./version-sources.ts";
import { seenBy, sees, type Visibility } from "./visibility.ts";

/** A definition and its latest version; null: none is published. */
export interface WorkflowRow {
  readonly definition: DefinitionRow;
  readonly latest: VersionHeadRow | null;
}

/** Which definitions of a workspace; `nameContains` "" takes all. */
export interface WorkflowFilters {
  readonly workspaceId: string;
  readonly nameContains: string;
}

/** A definition of a list, by its place in the order. */
export interface WorkflowPlace {
  readonly createdAtMs: number;
  readonly id: string;
}

const EXAMINED = 5_000;
const NEWEST = "order by created_at desc nulls last, id desc nulls last";
const MATCHES = "position(lower($2) in lower(name)) > 0";
// The places of rows are counted as they are read, so that a page without a name reads no row more than it has.
const FIND: Statement = {
  name: "list_workflows",
  text: `select id, (extract(epoch from created_at) * 1000)::float8 as "createdAtMs", ${MATCHES} as "matches", place
    from (select id, created_at, name, row_number() over () as place
      from (select id, created_at, name from workflow_definitions
        where workspace_id = $1 and (created_at, id) < ($3::timestamptz, $4)
        ${NEWEST} limit $5) as ordered) as examined
    where ${MATCHES} or place = $5 limit $6`,
};
const COUNT: Statement = {
  name: "count_workflows",
  text: `select count(*)::int as total from (
      select name from workflow_definitions where workspace_id = $1 ${NEWEST} limit ${COUNT_LIMIT}) as newest
    where ${MATCHES}`,
};

/** The workflow with this id. */
export async function findWorkflow(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<WorkflowRow | undefined> {
  return (await findWorkflows(db, visibility, [id]))[0];
}

/** The id of the definition with this name in the workspace. */
export async function findIdOfName(
  db: Queries,
  visibility: Visibility,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
): Promise<string | undefined> {
  const { id, workspaceId: workspace, name: named } = workflowDefinitions;
  const [row] = await db.build
    .select({ id })
    .from(workflowDefinitions)
    .where(and(eq(workspace, workspaceId), eq(named, name), seenBy(visibility, workspace)));
  return row?.id;
}

/** Up to `size` workflows after a place, newest first; `next` is set where there may be more. */
export async function listWorkflows(
  db: Queries,
  visibility: Visibility,
  { workspaceId, nameContains }: WorkflowFilters,
  { size, after }: { readonly size: number; readonly after: WorkflowPlace | undefined },
): Promise<{ rows: WorkflowRow[]; next: WorkflowPlace | undefined }> {
  if (!sees(visibility, workspaceId)) return { rows: [], next: undefined };
  const examined = nameContains === "" ? size + 1 : EXAMINED;
  const from = after === undefined ? "infinity" : new Date(after.createdAtMs);
  const found = await db.query<WorkflowPlace & { matches: boolean; place: string }>(FIND, [
    ...[workspaceId, nameContains, from, after?.id ?? "", examined, size + 1],
  ]);
  const ids = found.flatMap(({ id, matches }) => (matches ? [id] : [])).slice(0, size);
  const isMore = found.length > size || found.some(({ place }) => Number(place) === EXAMINED);
  const last = found.length > size ? found[size - 1] : found.at(-1);
  const next =
    isMore && last !== undefined ? { createdAtMs: last.createdAtMs, id: last.id } : undefined;
  return { rows: await findWorkflows(db, visibility, ids), next };
}

/** How many there are; exact to 10,000, with a part of a name among the newest 10,000. */
export async function countWorkflows(
  db: Queries,
  visibility: Visibility,
  { workspaceId, nameContains }: WorkflowFilters,
): Promise<number> {
  if (!sees(visibility, workspaceId)) return 0;
  const [row] = await db.query<{ total: number }>(COUNT, [workspaceId, nameContains]);
  return row?.total ?? 0;
}

/** In the order of the ids. */
async function findWorkflows(
  db: Queries,
  visibility: Visibility,
  ids: readonly string[],
): Promise<WorkflowRow[]> {
  if (ids.length === 0) return [];
  const { id, workspaceId, latestVersionId } = workflowDefinitions;
  const rows = await db.build
    .select({ definition: getTableColumns(workflowDefinitions), latest: HEAD })
    .from(workflowDefinitions)
    .leftJoin(workflowVersions, eq(workflowVersions.id, latestVersionId))
    .leftJoin(versionSources, OF_VERSION)
    .where(and(inArray(id, [...ids]), seenBy(visibility, workspaceId)));
  const found = new Map(rows.map((row) => [row.definition.id, row]));
  return ids.flatMap((wanted) => {
    const row = found.get(wanted);
    if (row === undefined) return [];
    const { definition, latest } = row;
    return [{ definition, latest: definition.latestVersionId === null ? null : toHead(latest) }];
  });
}

/** The columns are null where no version is joined. */
function toHead(
  latest: { readonly [Key in keyof VersionHeadRow]: VersionHeadRow[Key] | null },
): VersionHeadRow | null {
  const { id, definitionId, version, author, triggerType, createdAt, hasSource } = latest;
  if (id === null || definitionId === null || version === null || author === null) return null;
  if (triggerType === null || createdAt === null) return null;
  const { note, publishedBy } = latest;
  return {
    id,
    definitionId,
    version,
    author,
    triggerType,
    createdAt,
    hasSource: hasSource === true,
    note,
    publishedBy,
  };
}
