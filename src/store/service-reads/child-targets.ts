/**
 * Which version a step that runs another workflow means. Boundary: reads; whether it may start it is the caller's
 * question. In an environment that is not production it is the version that is deployed there; a workflow that has none there is
 * started by its latest version, so that what workflows share need not be deployed everywhere.
 */
import type { FixedTarget } from "../../engine/steps/child-runs/setting.ts";
import type { TriggerDefinition } from "../../engine/values/definition.ts";
import type { Queries, Statement } from "../database.ts";

/** What names a version: an id, or with an id of "" a name in the workspace; `version` 0 takes the latest. */
export interface TargetName {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly name: string;
  readonly version: number;
  /** Of the run that starts it; unset: production. */
  readonly environment?: string;
}

/** A definition of the workspace, and the version that is meant; null where it has no such version. */
export interface ChildTarget {
  readonly definitionId: string;
  /** 0: none is published. */
  readonly latestVersion: number;
  readonly versionId: string | null;
  readonly version: number | null;
  readonly trigger: TriggerDefinition | null;
  /** Nothing starts runs of it; null: it is not so. */
  readonly isArchived: true | null;
}

const FIND: Statement = {
  name: "find_child_target",
  text: `select d.id as "definitionId", d.latest_version as "latestVersion",
      v.id as "versionId", v.version, v.trigger,
      (select true from closed_workflows c where c.definition_id = d.id) as "isArchived"
    from workflow_definitions d
    left join workflow_versions v on v.definition_id = d.id
      and v.version = case when $4::integer = 0 then d.latest_version else $4::integer end
    where d.workspace_id = $1 and d.id = case when $2 <> '' then $2
      else (select id from workflow_definitions where workspace_id = $1 and name = $3) end`,
};

const FIND_IN_ENVIRONMENT: Statement = {
  name: "find_child_target_in_environment",
  text: `select d.id as "definitionId", d.latest_version as "latestVersion",
      v.id as "versionId", v.version, v.trigger
    from workflow_definitions d
    left join workflow_versions v on v.definition_id = d.id
      and v.version = case when $4::integer = 0 then coalesce(
        (select p.version from workflow_deployments p
          where p.definition_id = d.id and p.environment = $5 and p.state = 'ACTIVE'), d.latest_version)
        else $4::integer end
    where d.workspace_id = $1 and d.id = case when $2 <> '' then $2
      else (select id from workflow_definitions where workspace_id = $1 and name = $3) end`,
};
// Each workflow is looked up by its key: a join might read all workflows of the workspace.
const FIND_MISSING: Statement = {
  name: "find_missing_children",
  text: `select v.workspace_id as "workspaceId", v.id, v.name
    from unnest($1::text[], $2::text[], $3::text[]) as v(workspace_id, id, name)
    left join lateral (select true as is_there from workflow_definitions
      where id = v.id and workspace_id = v.workspace_id offset 0) by_id on true
    left join lateral (select true as is_there from workflow_definitions
      where v.id = '' and workspace_id = v.workspace_id and name = v.name offset 0) by_name on true
    where by_id.is_there is null and by_name.is_there is null`,
};

/** The target; undefined when the workspace has no such definition. */
export async function findChildTarget(
  db: Queries,
  { workspaceId, definitionId, name, version, environment }: TargetName,
): Promise<ChildTarget | undefined> {
  const values = [workspaceId, definitionId, name, version];
  const [target] =
    environment === undefined
      ? await db.query<ChildTarget>(FIND, values)
      : await db.query<ChildTarget>(FIND_IN_ENVIRONMENT, [...values, environment]);
  return target;
}

/** A workflow of a workspace, by its id, else by its name. */
export type NamedWorkflow = FixedTarget & { readonly workspaceId: string };

/** Those of these workflows that are not there. */
export async function findMissingChildren(
  db: Queries,
  targets: readonly NamedWorkflow[],
): Promise<NamedWorkflow[]> {
  if (targets.length === 0) return [];
  return db.query<NamedWorkflow>(FIND_MISSING, [
    targets.map(({ workspaceId }) => workspaceId),
    targets.map(({ id }) => id),
    targets.map(({ name }) => name),
  ]);
}
