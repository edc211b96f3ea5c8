/**
 * Which version a step that runs another workflow means. Boundary: reads; whether it may start it is the caller's
 * question.
 */
import type { TriggerDefinition } from "../../engine/values/definition.ts";
import type { Queries, Statement } from "../database.ts";

/** What names a version: an id, or with an id of "" a name in the workspace; `version` 0 takes the latest. */
export interface TargetName {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly name: string;
  readonly version: number;
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

/** The target; undefined when the workspace has no such definition. */
export async function findChildTarget(
  db: Queries,
  { workspaceId, definitionId, name, version }: TargetName,
): Promise<ChildTarget | undefined> {
  const rows = await db.query<ChildTarget>(FIND, [workspaceId, definitionId, name, version]);
  return rows[0];
}
