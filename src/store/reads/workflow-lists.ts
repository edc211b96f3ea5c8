/**
 * Workflows with the heads of their latest versions and what else a list shows: by id, by name, and page by page.
 * Boundary: rows as they are stored. A page with filters examines 5,000 definitions at most.
 */
import { and, eq } from "drizzle-orm";
import { AGENT_TYPES, GATE_TYPES } from "../../engine/steps/contains.ts";
import { selectList } from "../columns.ts";
import type { Queries, Statement } from "../database.ts";
import { workflowDefinitions } from "../schema/definitions.ts";
import { NO_DETAILS, type WorkflowDetails } from "../workflow-details.ts";
import type { DefinitionRow } from "./definitions.ts";
import type { DraftRow } from "./drafts.ts";
import { COUNT_LIMIT } from "./page.ts";
import type { VersionHeadRow } from "./version-sources.ts";
import { querySeen, seenBy, seenWithin, sees, type Visibility } from "./visibility.ts";
import {
  containsOfSteps,
  FILTER_VALUES,
  filterValues,
  MATCHES,
  takesEvery,
  type WorkflowFilters,
} from "./workflow-filters.ts";

/** A draft without its text. */
export type DraftHeadRow = Pick<DraftRow, "etag" | "savedBy" | "savedAt" | "faultCount">;

/** A workflow with what a list shows of it. */
export interface WorkflowRow {
  readonly definition: DefinitionRow;
  /** The latest version; null: none is published. */
  readonly latest: VersionHeadRow | null;
  readonly details: WorkflowDetails;
  /** Null: there is none. */
  readonly draft: DraftHeadRow | null;
  /** Flags of the latest version (engine/steps/contains.ts). */
  readonly contains: number;
}

/** How a list is sorted. */
export type WorkflowOrder = "newest" | "name" | "updated";

/** A workflow of a list, by its place in the order: a time (epoch ms) or a name. */
export interface WorkflowPlace {
  readonly key: number | string;
  readonly id: string;
}

/** A page of a list; `after` is the place of the last one of the page before. */
interface WorkflowPage {
  readonly order: WorkflowOrder;
  readonly size: number;
  readonly after: WorkflowPlace | undefined;
}

const EXAMINED = 5_000;
// Looked up row by row: the planner may read all details for a join.
const DETAILS = `left join lateral (select owner, team, archived_at from workflow_details
  where definition_id = o.id offset 0) as d on true`;
const NEWEST = "order by created_at desc nulls last, id desc nulls last";
const [KEY, ID, LIMIT, PAGE] = [1, 2, 3, 4].map((place) => `$${FILTER_VALUES + place}`);
const byTime = (column: string) => ({
  key: `(extract(epoch from ${column}) * 1000)::float8`,
  order: `and (${column}, id) < (${KEY}::timestamptz, ${ID}) order by ${column} desc nulls last, id desc nulls last`,
});
const ORDERS: Readonly<Record<WorkflowOrder, { readonly key: string; readonly order: string }>> = {
  newest: byTime("created_at"),
  updated: byTime("updated_at"),
  // A name is one workflow's.
  name: { key: "name", order: `and name > ${KEY}::text and ${ID}::text is not null order by name` },
};
const FINDS: Readonly<Record<WorkflowOrder, Statement>> = {
  newest: find("newest"),
  updated: find("updated"),
  name: find("name"),
};
const COUNT: Statement = {
  name: "count_workflows",
  text: `select count(*)::int as total from (
      select name, description, tags, latest_version, latest_version_id, id from workflow_definitions
      where workspace_id = $1 ${NEWEST} limit ${COUNT_LIMIT}) as o
    ${DETAILS} where ${MATCHES}`,
};

/** The places of rows are counted as they are read, and what else is known is looked up row by row: the page ends the reading. */
function find(order: WorkflowOrder): Statement {
  const { key, order: ordered } = ORDERS[order];
  return {
    name: `list_workflows_${order}`,
    text: `select id, key, matches, place
      from (select o.id, o.key, o.place, ${MATCHES} as matches
        from (select *, row_number() over () as place
          from (select id, ${key} as key, name, description, tags, latest_version, latest_version_id
            from workflow_definitions where workspace_id = $1 ${ordered} limit ${LIMIT}) as ordered) as o
        ${DETAILS}) as examined
      where matches or place = ${LIMIT} limit ${PAGE}`,
  };
}

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

/** Up to `size` workflows after a place; `next` is set where there may be more. */
export async function listWorkflows(
  db: Queries,
  visibility: Visibility,
  filters: WorkflowFilters,
  { order, size, after }: WorkflowPage,
): Promise<{ rows: WorkflowRow[]; next: WorkflowPlace | undefined }> {
  if (!sees(visibility, filters.workspaceId)) return { rows: [], next: undefined };
  // Where only the archived ones are left out, a page is seldom short.
  const examined = takesEvery(filters) ? 2 * size + 50 : EXAMINED;
  const found = await db.query<WorkflowPlace & { matches: boolean; place: string }>(FINDS[order], [
    ...filterValues(filters),
    ...[...placeValues(order, after), examined, size + 1],
  ]);
  const ids = found.flatMap(({ id, matches }) => (matches ? [id] : [])).slice(0, size);
  const isMore = found.length > size || found.some(({ place }) => Number(place) === examined);
  const last = found.length > size ? found[size - 1] : found.at(-1);
  const next = isMore && last !== undefined ? { key: last.key, id: last.id } : undefined;
  return { rows: await findWorkflows(db, visibility, ids), next };
}

function placeValues(order: WorkflowOrder, after: WorkflowPlace | undefined): unknown[] {
  if (order === "name") return [after?.key ?? "", ""];
  return [after === undefined ? "infinity" : new Date(after.key), after?.id ?? ""];
}

/** How many there are; exact to 10,000, with filters among the newest 10,000. */
export async function countWorkflows(
  db: Queries,
  visibility: Visibility,
  filters: WorkflowFilters,
): Promise<number> {
  if (!sees(visibility, filters.workspaceId)) return 0;
  const [row] = await db.query<{ total: number }>(COUNT, filterValues(filters));
  return row?.total ?? 0;
}

const [AGENT, GATE] = [AGENT_TYPES, GATE_TYPES].map((types) => `'{${types.join(",")}}'`);
/** A row of another table, looked up for each workflow: the planner may read the whole table for a join. */
const one = (from: string, condition: string, alias: string) =>
  `left join lateral (select * from ${from} where ${condition} offset 0) as ${alias} on true`;
const FIND_MANY = seenWithin(
  "find_listed_workflows",
  (
    condition,
  ) => `select ${selectList(workflowDefinitions, "o")}, v.version as "headVersion", v.author,
      v.trigger->>'triggerType' as "triggerType", v.created_at as "publishedAt", c.version_id is not null as "hasSource",
      c.note, c.published_by as "publishedBy", c.published_via as "publishedVia", d.revision, d.archived_at as "archivedAt", d.owner, d.team,
      d.high_failure_rate as "highFailureRate", d.announces_starts as "announcesStarts",
      w.etag, w.saved_by as "savedBy", w.saved_at as "savedAt", w.fault_count as "faultCount",
      coalesce(f.contains::int,
        (select ${containsOfSteps(AGENT ?? "", GATE ?? "")} from jsonb_array_elements(v.steps) as s), 0) as contains
    from unnest($1::text[]) with ordinality as wanted(id, place)
    cross join lateral (select * from workflow_definitions where id = wanted.id offset 0) as o
    ${one("workflow_versions", "id = o.latest_version_id", "v")}
    ${one("version_sources", "version_id = o.latest_version_id", "c")}
    ${one("version_facts", "version_id = o.latest_version_id", "f")}
    ${one("workflow_details", "definition_id = o.id", "d")}
    ${one("workflow_drafts", "definition_id = o.id", "w")}
    where ${condition} order by wanted.place`,
  "o.workspace_id = $2",
);

type Nullable<Row> = { readonly [Key in keyof Row]: Row[Key] | null };
/** What is joined is null where there is no row. */
type ListedRow = { [Key in keyof DefinitionRow]: DefinitionRow[Key] } & Nullable<
  Pick<VersionHeadRow, "author" | "triggerType" | "note" | "publishedBy" | "publishedVia">
> &
  Nullable<WorkflowDetails & DraftHeadRow> & {
    readonly headVersion: number | null;
    readonly publishedAt: Date | null;
    readonly hasSource: boolean;
    readonly contains: number;
  };

/** In the order of the ids. */
async function findWorkflows(
  db: Queries,
  visibility: Visibility,
  ids: readonly string[],
): Promise<WorkflowRow[]> {
  if (ids.length === 0) return [];
  const rows = await querySeen<ListedRow>(db, visibility, FIND_MANY, [ids]);
  return rows.map((row) => ({
    definition: definitionOf(row),
    latest: headOf(row),
    details: detailsOf(row),
    draft: draftOf(row),
    contains: row.contains,
  }));
}

function definitionOf(row: ListedRow): DefinitionRow {
  const { id, workspaceId, name, description, latestVersion, tags, createdAt } = row;
  const { updatedAt, latestVersionId, triggerKey, listensSince } = row;
  return {
    id,
    workspaceId,
    name,
    description,
    latestVersion,
    tags,
    createdAt,
    updatedAt,
    latestVersionId,
    triggerKey,
    listensSince,
  };
}

function detailsOf(row: ListedRow): WorkflowDetails {
  const { revision, archivedAt, owner, team, highFailureRate, announcesStarts } = row;
  if (revision === null || owner === null || team === null || announcesStarts === null) {
    return NO_DETAILS;
  }
  return { revision, archivedAt, owner, team, highFailureRate, announcesStarts };
}

function draftOf({ etag, savedBy, savedAt, faultCount }: ListedRow): DraftHeadRow | null {
  if (etag === null || savedBy === null || savedAt === null || faultCount === null) return null;
  return { etag, savedBy, savedAt, faultCount };
}

function headOf(row: ListedRow): VersionHeadRow | null {
  const { latestVersionId: id, id: definitionId, headVersion: version, author } = row;
  const { triggerType, publishedAt: createdAt, hasSource, note, publishedBy, publishedVia } = row;
  if (id === null || version === null || author === null) return null;
  if (triggerType === null || createdAt === null) return null;
  return {
    id,
    definitionId,
    version,
    author,
    triggerType,
    createdAt,
    hasSource,
    note,
    publishedBy,
    publishedVia,
  };
}
