/**
 * Triggers of versions that are deployed outside of production, by the keys of events. Production's are those of latest versions
 * (event-readers.ts). An archived workflow stays deployed there, and listens to nothing.
 * Boundary: finds by keys; whether a trigger fits is asked of the engine.
 */
import type { Queries, Statement } from "./database.ts";
import type { FoundTrigger, KeyProbe } from "./event-readers.ts";

/** A key to look up for an event of an environment. */
export interface DeployedProbe extends KeyProbe {
  readonly environment: string;
}

// Each key is looked up by itself, as in event-readers.ts.
const FIND: Statement = {
  name: "find_deployed_triggers",
  text: `select e.place, d.definition_id as "definitionId", v.id as "versionId", v.version, v.trigger,
      exists (select 1 from workflow_pauses p where p.definition_id = d.definition_id) as "isPaused"
    from unnest($1::int[], $2::text[], $3::text[], $4::text[]) as e(place, workspace_id, environment, key)
    cross join lateral (
      select d.definition_id, d.version_id from workflow_deployments d
      where d.workspace_id = e.workspace_id and d.environment = e.environment and d.state = 'ACTIVE'
        and d.trigger_key is not null and translate(d.trigger_key, '/', '.') = e.key
        and (select true from closed_workflows c where c.definition_id = d.definition_id) is null
      offset 0
    ) as d
    cross join lateral (
      select v.id, v.version, v.trigger from workflow_versions v where v.id = d.version_id
      offset 0
    ) as v`,
};

/** Triggers that listen in environments, by trigger keys with dots. */
export function findDeployedTriggers(
  queries: Queries,
  probes: readonly DeployedProbe[],
): Promise<FoundTrigger[]> {
  return queries.query<FoundTrigger>(FIND, [
    probes.map(({ place }) => place),
    probes.map(({ workspaceId }) => workspaceId),
    probes.map(({ environment }) => environment),
    probes.map(({ key }) => key),
  ]);
}
