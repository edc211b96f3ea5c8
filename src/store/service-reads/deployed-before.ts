/**
 * What a version has shown before it is deployed: where it was, that it was simulated, that it ran.
 * Boundary: reads; whether that is enough is decided by runtime/deploy-rules.ts.
 */
import type { Queries, Statement } from "../database.ts";

/** A version, and the environment that it is to be deployed to. */
interface VersionPlace {
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly versionId: string;
  readonly environment: string;
}

/** What earlier deployments of a version tell. */
interface DeployedBefore {
  readonly wasThere: boolean;
  readonly wasSimulated: boolean;
}

/** So many of the newest runs that COMPLETED are looked through. */
export const RUNS_LOOKED_THROUGH = 10_000;

const FIND: Statement = {
  name: "find_deployed_before",
  text: `select coalesce(bool_or(environment = $3 and active_at is not null), false) as "wasThere",
      coalesce(bool_or(simulated_at is not null), false) as "wasSimulated"
    from workflow_deployments where definition_id = $1 and version_id = $2`,
};
const RAN: Statement = {
  name: "find_completed_run_of_version",
  text: `select exists (select 1 from (
      select version_id, environment from workflow_runs
      where workspace_id = $1 and definition_id = $2 and state = 'COMPLETED'
      order by created_at desc, id desc limit ${RUNS_LOOKED_THROUGH}) r
    where r.version_id = $3 and coalesce(r.environment, 'production') = $4) as "hasRun"`,
};

/** See DeployedBefore. */
export async function findDeployedBefore(
  db: Queries,
  { definitionId, versionId, environment }: VersionPlace,
): Promise<DeployedBefore> {
  const [row] = await db.query<{ wasThere: boolean; wasSimulated: boolean }>(FIND, [
    ...[definitionId, versionId, environment],
  ]);
  return row ?? { wasThere: false, wasSimulated: false };
}

/** Whether a run of the version COMPLETED in an environment. */
export async function hasCompletedRun(
  db: Queries,
  { workspaceId, definitionId, versionId }: Omit<VersionPlace, "environment">,
  environment: string,
): Promise<boolean> {
  const values = [workspaceId, definitionId, versionId, environment];
  const [row] = await db.query<{ hasRun: boolean }>(RAN, values);
  return row?.hasRun === true;
}
