/**
 * Writes of deployments, and what they look up.
 * Boundary: rows only; what may be deployed is decided by runtime/deployments.ts.
 * Invariants:
 * 1. Each write stands in a transaction that has locked the definition (store/definitions.ts): so an environment has one ACTIVE
 *    row. Unique indexes say it again.
 * 2. What is ACTIVE in production is written before the definition's latest version moves: a trigger of the database (migration
 *    0016) takes a row of another version for one that a replica without deployments left behind.
 */
import type { JsonObject } from "../engine/values/json.ts";
import type { Statement, Tx } from "./database.ts";
import type { DeploymentRow } from "./reads/deployments.ts";

/** A deployment to insert. */
type NewDeployment = Pick<
  DeploymentRow,
  | "id"
  | "workspaceId"
  | "definitionId"
  | "versionId"
  | "version"
  | "environment"
  | "triggerKey"
  | "vars"
  | "deployedBy"
  | "deployedVia"
  | "note"
  | "digest"
> & { readonly state: "ACTIVE" | "PENDING_APPROVAL"; readonly isSimulated: boolean };

// Production's row of a published version: it keeps the vars of the one before.
const FOLLOW: Statement = {
  name: "follow_publish",
  text: `with ended as (
      update workflow_deployments set state = 'SUPERSEDED', ended_at = clock_timestamp()
      where definition_id = $3::text and environment = 'production' and state = 'ACTIVE' returning id, vars)
    insert into workflow_deployments (at, active_at, id, workspace_id, definition_id, version_id, version, environment,
      state, vars, deployed_by, note, deployed_via, supersedes)
    select clock_timestamp(), clock_timestamp(), $1::text, $2::text, $3::text, $4::text, $5::integer, 'production', 'ACTIVE',
      (select vars from ended), $6::text, $7::text, $8::text, coalesce((select id from ended), '')`,
};

const END: Statement = {
  name: "end_deployment",
  text: `update workflow_deployments set state = $4, ended_at = clock_timestamp()
    where definition_id = $1 and environment = $2 and state = $3 returning id`,
};

const INSERT: Statement = {
  name: "insert_deployment",
  text: `insert into workflow_deployments (at, active_at, id, workspace_id, definition_id, version_id, version, environment,
      state, trigger_key, vars, deployed_by, note, supersedes, digest, simulated_at, deployed_via)
    values (clock_timestamp(), case when $7::text = 'ACTIVE' then clock_timestamp() end, $1, $2, $3, $4, $5, $6, $7::text, $8, $9::json,
      $10, $11, $12, $13, case when $14::boolean then clock_timestamp() end, $15)`,
};

const DECIDE: Statement = {
  name: "decide_deployment",
  text: `update workflow_deployments set state = $2::text, decided_by = $3, decision_reason = $4,
      active_at = case when $2::text = 'ACTIVE' then clock_timestamp() end,
      ended_at = case when $2::text = 'REJECTED' then clock_timestamp() end,
      supersedes = $5, decided_via = $6
    where id = $1 and state = 'PENDING_APPROVAL' returning id`,
};

const WITHDRAW: Statement = {
  name: "withdraw_deployment",
  text: `update workflow_deployments set state = 'RETIRED', ended_at = clock_timestamp(), decision_reason = $2
    where id = $1 and state = 'PENDING_APPROVAL'`,
};

/** A version that was published, and who did it. */
interface PublishedVersion {
  readonly deploymentId: string;
  readonly workspaceId: string;
  readonly definitionId: string;
  readonly versionId: string;
  readonly version: number;
  readonly by: string;
  readonly via: string;
  readonly note: string;
}

/** Notes that a version which was published is in production, before the definition's latest version moves. */
export async function followPublish(tx: Tx, published: PublishedVersion): Promise<void> {
  const { deploymentId, workspaceId, definitionId, versionId, version, by, via, note } = published;
  const ids = [deploymentId, workspaceId, definitionId, versionId];
  await tx.query(FOLLOW, [...ids, version, by, note, via]);
}

/** Ends what is ACTIVE, or waits, in an environment; gives its id. */
export async function endDeployment(
  tx: Tx,
  { definitionId, environment }: { readonly definitionId: string; readonly environment: string },
  from: "ACTIVE" | "PENDING_APPROVAL",
  to: "SUPERSEDED" | "RETIRED" | "REJECTED",
): Promise<string | undefined> {
  const [row] = await tx.query<{ id: string }>(END, [definitionId, environment, from, to]);
  return row?.id;
}

/** Inserts a deployment; `supersedes` is the id of the one that ended for it, "" for none. */
export async function insertDeployment(
  tx: Tx,
  deployment: NewDeployment,
  supersedes: string,
): Promise<void> {
  const { id, workspaceId, definitionId, versionId, version, environment } = deployment;
  const { state, triggerKey, vars, deployedBy, deployedVia, note, digest, isSimulated } =
    deployment;
  await tx.query(INSERT, [
    ...[id, workspaceId, definitionId, versionId, version, environment, state, triggerKey],
    ...[textOf(vars), deployedBy, note, supersedes, digest, isSimulated, deployedVia],
  ]);
}

/** A decision on a deployment that waits for one; `supersedes` as in insertDeployment. */
interface DeployDecision {
  readonly id: string;
  readonly state: "ACTIVE" | "REJECTED";
  readonly by: string;
  readonly via: string;
  readonly reason: string;
  readonly supersedes: string;
}

/** Decides a deployment; false: it waits no more. */
export async function decideWaiting(
  tx: Tx,
  { id, state, by, via, reason, supersedes }: DeployDecision,
): Promise<boolean> {
  return (await tx.query(DECIDE, [id, state, by, reason, supersedes, via])).length > 0;
}

/** Ends a deployment that waits for an approval. */
export async function withdrawWaiting(tx: Tx, id: string, reason: string): Promise<void> {
  await tx.query(WITHDRAW, [id, reason]);
}

function textOf(vars: JsonObject | null): string | null {
  return vars === null ? null : JSON.stringify(vars);
}
