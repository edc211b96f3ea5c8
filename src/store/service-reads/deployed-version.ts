/**
 * The version that starts runs in the environment of a row, in SQL.
 * Boundary: text; production's is the latest version of the definition `d`, so that nothing more is looked up there.
 */

/** A join that gives `v.id` and `v.version` of a definition `d`; none where nothing is deployed. `environment` is an expression. */
export function deployedVersion(environment: string): string {
  return `left join lateral (
      select d.latest_version_id as id, d.latest_version as version
      where ${environment} = 'production' and d.latest_version_id is not null
      union all
      select w.version_id, w.version from workflow_deployments w
      where ${environment} <> 'production' and w.definition_id = d.id and w.environment = ${environment}
        and w.state = 'ACTIVE') v on true`;
}
