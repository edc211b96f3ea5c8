/**
 * Workflows with the version that they are judged by, and how their last runs began.
 * Boundary: reads only; a page, or named ones, at once.
 */
import type { EdgeDefinition, StepDefinition } from "../../engine/values/definition.ts";
import type { Queries, Statement } from "../database.ts";
import { COUNTER_KINDS, TODAY } from "../run-counts.ts";

/** A workflow; the version is production's, else that of the newest other deployment. */
export type DeployedWorkflow = {
  readonly definitionId: string;
  readonly workspaceId: string;
  /** Null: it is not deployed, or nothing starts runs of it. */
  readonly versionId: string | null;
  readonly environment: string;
};

/** What a version's steps and edges are. */
export type StepGraph = {
  readonly id: string;
  readonly steps: StepDefinition[];
  readonly edges: EdgeDefinition[];
};

/** One of the last runs of a workflow, which all FAILED. */
export type FailedStart = {
  readonly definitionId: string;
  readonly runId: string;
  readonly versionId: string;
  readonly environment: string;
  /** Indexes of its FAILED steps. */
  readonly failedSteps: readonly number[];
  /** The error of the first of them, cut. */
  readonly message: string | null;
};

/** So many starts in a row. */
export const STARTS_LOOKED_AT = 5;
/** Runs that failed within so many days make a workflow's last starts worth a look. */
const FAILED_WITHIN_DAYS = 7;
const MESSAGE_CHARS = 200;
const OTHER_STATES = "{PENDING,RUNNING,PAUSED,COMPENSATING,COMPLETED,CANCELLED}";

const judgedBy = (
  condition: string,
) => `select d.id as "definitionId", d.workspace_id as "workspaceId",
      case when c.definition_id is null then coalesce(d.latest_version_id, e.version_id) end as "versionId",
      case when d.latest_version_id is null then coalesce(e.environment, '') else 'production' end as environment
    from (select id, workspace_id, latest_version_id from workflow_definitions where ${condition}) d
    left join lateral (select definition_id from closed_workflows where definition_id = d.id offset 0) c on true
    left join lateral (select w.version_id, w.environment from workflow_deployments w
      where d.latest_version_id is null and w.definition_id = d.id and w.state = 'ACTIVE'
      order by w.active_at desc, w.id desc limit 1) e on true
    order by d.id`;
const LIST: Statement = {
  name: "list_deployed_workflows",
  text: judgedBy("id > $1 order by id limit $2"),
};
const FIND: Statement = {
  name: "find_deployed_workflows",
  text: judgedBy("id = any($1::text[])"),
};
const GRAPHS: Statement = {
  name: "find_step_graphs",
  text: "select id, steps, edges from workflow_versions where id = any($1::text[])",
};
// The newest FAILED runs are looked up by their index, and so is whether a run of another state is newer.
const FAILED: Statement = {
  name: "find_failed_starts",
  text: `select a.id as "definitionId", f.id as "runId", f.version_id as "versionId", f.environment,
      array(select s.step_index::integer from step_runs s where s.run_id = f.id and s.state = 'FAILED') as "failedSteps",
      (select left(s.error_message, ${MESSAGE_CHARS}) from step_runs s where s.run_id = f.id and s.state = 'FAILED'
        order by s.step_index limit 1) as message
    from unnest($1::text[], $2::text[]) as a(id, workspace_id)
    cross join lateral (
      select r.*, min(r.created_at) over () as first_at from (
        select id, version_id, coalesce(environment, 'production') as environment, created_at
        from workflow_runs
        where workspace_id = a.workspace_id and definition_id = a.id and state = 'FAILED'
        order by created_at desc, id desc limit ${STARTS_LOOKED_AT}) r) f
    where (exists (select 1 from workflow_health h where h.definition_id = a.id)
        or coalesce((select sum(w.runs) from workflow_counters w where w.definition_id = a.id
          and w.kind = ${COUNTER_KINDS.failedStep} and w.day > ${TODAY} - ${FAILED_WITHIN_DAYS}), 0) >= ${STARTS_LOOKED_AT})
      and not exists (select 1 from workflow_runs n
        where n.workspace_id = a.workspace_id and n.definition_id = a.id and n.state = any('${OTHER_STATES}'::text[])
          and n.created_at > f.first_at)
    order by a.id, f.created_at desc, f.id desc`,
};

/** The next `limit` workflows by their ids. */
export function listDeployedWorkflows(
  db: Queries,
  afterId: string,
  limit: number,
): Promise<DeployedWorkflow[]> {
  return db.query<DeployedWorkflow>(LIST, [afterId, limit]);
}

/** Those of these workflows that are there. */
export function findDeployedWorkflows(
  db: Queries,
  definitionIds: readonly string[],
): Promise<DeployedWorkflow[]> {
  return db.query<DeployedWorkflow>(FIND, [definitionIds]);
}

/** The steps and edges of versions. */
export async function findStepGraphs(
  db: Queries,
  versionIds: readonly string[],
): Promise<StepGraph[]> {
  return versionIds.length === 0 ? [] : db.query<StepGraph>(GRAPHS, [versionIds]);
}

/** The last starts of those of these workflows whose last 5 starts, or fewer where there are fewer, all FAILED; newest first. */
export function findFailedStarts(
  db: Queries,
  workflows: readonly DeployedWorkflow[],
): Promise<FailedStart[]> {
  return db.query<FailedStart>(FAILED, [
    workflows.map(({ definitionId }) => definitionId),
    workflows.map(({ workspaceId }) => workspaceId),
  ]);
}
