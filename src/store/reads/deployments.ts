/**
 * Reads of deployments: what is in an environment now, of one workflow or of many, and all there were.
 * Boundary: rows as they are stored, but for production: there the latest version of the definition is what is deployed, whether
 * it has a row or not.
 */
import { and, count, desc, eq, getTableColumns, inArray, lt, or, type SQL, sql } from "drizzle-orm";
import { PRODUCTION } from "../../engine/values/environment.ts";
import { selectList } from "../columns.ts";
import type { Queries } from "../database.ts";
import { workflowDefinitions } from "../schema/definitions.ts";
import { workflowDeployments } from "../schema/deployments.ts";
import type { DefinitionRow } from "./definitions.ts";
import { COUNT_LIMIT } from "./page.ts";
import { querySeen, seenBy, seenWithin, type Visibility } from "./visibility.ts";

/** A deployment as it is stored. */
export type DeploymentRow = typeof workflowDeployments.$inferSelect;

/** States in the order of their wire numbers (workflows.ops.v1.DeploymentState 1..5). */
export const DEPLOYMENT_STATES = [
  "PENDING_APPROVAL",
  "ACTIVE",
  "REJECTED",
  "SUPERSEDED",
  "RETIRED",
] as const;
/** A deployment's state. */
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

/** The version that starts in an environment. */
export interface DeployedVersion {
  readonly versionId: string;
  readonly version: number;
}

/** Which deployments of a definition; `environment` "" and no states take all. */
export interface DeploymentFilters {
  readonly definitionId: string;
  readonly environment: string;
  readonly states: readonly DeploymentState[];
}

/** A deployment of a list, by its place in the order. */
export interface DeploymentPlace {
  readonly atMs: number;
  readonly id: string;
}

/** A deployment, and the name of its workflow. */
export interface WaitingDeployment {
  readonly deployment: DeploymentRow;
  readonly name: string;
}

// Each state by its own index, so that what has ended is not read.
const ofState = (state: DeploymentState) =>
  `(select * from workflow_deployments where definition_id = wanted.id and state = '${state}')`;
const FIND_CURRENT = seenWithin(
  "find_current_deployments",
  (condition) => `select ${selectList(workflowDeployments, "d")}
    from unnest($1::text[]) as wanted(id)
    cross join lateral (${ofState("ACTIVE")} union all ${ofState("PENDING_APPROVAL")}) as d
    where ${condition} order by d.definition_id, d.environment, d.state`,
  "d.workspace_id = $2",
);

/** The deployment with this id. */
export async function findDeployment(
  db: Queries,
  visibility: Visibility,
  id: string,
): Promise<DeploymentRow | undefined> {
  const { id: own, workspaceId } = workflowDeployments;
  const [row] = await db.build
    .select()
    .from(workflowDeployments)
    .where(and(eq(own, id), seenBy(visibility, workspaceId)));
  return row;
}

/**
 * What is ACTIVE in the environments of these definitions, and what waits for an approval there; by definition and environment. A
 * definition that was published and has no row for production gets none here: see withProduction.
 */
export async function findCurrentDeployments(
  db: Queries,
  visibility: Visibility,
  definitionIds: readonly string[],
): Promise<DeploymentRow[]> {
  if (definitionIds.length === 0) return [];
  return querySeen<{ [Key in keyof DeploymentRow]: DeploymentRow[Key] }>(
    db,
    visibility,
    FIND_CURRENT,
    [[...new Set(definitionIds)]],
  );
}

/**
 * The version that starts in an environment of a workflow; undefined: none is deployed there. The one place that says so for what
 * is no event.
 */
export async function findDeployedVersion(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  environment: string,
): Promise<DeployedVersion | undefined> {
  if (environment === PRODUCTION) return findLatest(db, visibility, definitionId);
  const row = workflowDeployments;
  const [found] = await db.build
    .select({ versionId: row.versionId, version: row.version })
    .from(row)
    .where(
      and(
        ...[eq(row.definitionId, definitionId), eq(row.environment, environment)],
        ...[eq(row.state, "ACTIVE"), seenBy(visibility, row.workspaceId)],
      ),
    );
  return found;
}

async function findLatest(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
): Promise<DeployedVersion | undefined> {
  const {
    id,
    latestVersionId: versionId,
    latestVersion: version,
    workspaceId,
  } = workflowDefinitions;
  const [found] = await db.build
    .select({ versionId, version })
    .from(workflowDefinitions)
    .where(and(eq(id, definitionId), seenBy(visibility, workspaceId)));
  if (found === undefined || found.versionId === null) return undefined;
  return { versionId: found.versionId, version: found.version };
}

/** Up to `size` deployments of a definition after a place, newest first. */
export function listDeployments(
  db: Queries,
  visibility: Visibility,
  filters: DeploymentFilters,
  { size, after }: { readonly size: number; readonly after: DeploymentPlace | undefined },
): Promise<DeploymentRow[]> {
  const { at, id } = workflowDeployments;
  const time = after && new Date(after.atMs);
  const later = time && after && or(lt(at, time), and(eq(at, time), lt(id, after.id)));
  return db.build
    .select()
    .from(workflowDeployments)
    .where(and(conditionsOf(visibility, filters), later))
    .orderBy(desc(at), desc(id))
    .limit(size);
}

/** How many there are, exact to 10,000. */
export async function countDeployments(
  db: Queries,
  visibility: Visibility,
  filters: DeploymentFilters,
): Promise<number> {
  const counted = db.build
    .select({ one: sql`1`.as("one") })
    .from(workflowDeployments)
    .where(conditionsOf(visibility, filters))
    .limit(COUNT_LIMIT)
    .as("counted");
  const [row] = await db.build.select({ total: count() }).from(counted);
  return row?.total ?? 0;
}

/** Deployments of a workspace that wait for an approval, the newest `limit` of them. */
export function listWaitingDeployments(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
  limit: number,
): Promise<WaitingDeployment[]> {
  const row = workflowDeployments;
  const { id, name } = workflowDefinitions;
  return db.build
    .select({ deployment: getTableColumns(row), name })
    .from(row)
    .innerJoin(workflowDefinitions, eq(id, row.definitionId))
    .where(
      and(
        ...[eq(row.workspaceId, workspaceId), eq(row.state, "PENDING_APPROVAL")],
        seenBy(visibility, row.workspaceId),
      ),
    )
    .orderBy(desc(row.at), desc(row.id))
    .limit(limit);
}

function conditionsOf(
  visibility: Visibility,
  { definitionId, environment, states }: DeploymentFilters,
): SQL | undefined {
  const row = workflowDeployments;
  return and(
    eq(row.definitionId, definitionId),
    environment === "" ? undefined : eq(row.environment, environment),
    states.length === 0 ? undefined : inArray(row.state, [...states]),
    seenBy(visibility, row.workspaceId),
  );
}

/** What production shows of a definition: its row, or where the latest version has none, that version alone. */
export type ShownDeployment =
  | DeploymentRow
  | (Pick<DeploymentRow, "definitionId" | "environment" | "version"> & { readonly id: "" });

/** The deployments of a definition, with production's where it has no row. */
export function withProduction(
  { id: definitionId, latestVersion: version }: Pick<DefinitionRow, "id" | "latestVersion">,
  rows: readonly DeploymentRow[],
): ShownDeployment[] {
  const isThere = rows.some(
    ({ environment, state }) => environment === PRODUCTION && state === "ACTIVE",
  );
  if (isThere || version === 0) return [...rows];
  return [{ id: "", definitionId, environment: PRODUCTION, version }, ...rows];
}

/** The environments that a definition has, for a refusal; "" for none. */
export function environmentsInWords(
  { latestVersionId }: Pick<DefinitionRow, "latestVersionId">,
  current: readonly Pick<DeploymentRow, "environment" | "state">[],
): string {
  const others = current.flatMap(({ environment, state }) =>
    state === "ACTIVE" && environment !== PRODUCTION ? [environment] : [],
  );
  const all = latestVersionId === null ? others : [PRODUCTION, ...others];
  return all.length === 0 ? "" : `; it is in ${all.join(", ")}`;
}
