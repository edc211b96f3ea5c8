/**
 * Writes of the policies that say which deployments need an approval.
 * Boundary: one row of a workspace; who may put it is decided by the caller.
 */
import type { Statement, Tx } from "./database.ts";
import type { DeployRule } from "./schema/deployments.ts";

const PUT: Statement = {
  name: "put_deploy_policy",
  text: `insert into deploy_policies (updated_at, workspace_id, rules, updated_by, reason)
    values (clock_timestamp(), $1, $2::json, $3, $4)
    on conflict (workspace_id) do update set updated_at = excluded.updated_at, rules = excluded.rules,
      updated_by = excluded.updated_by, reason = excluded.reason`,
};
// A workspace without a policy has no row to lock.
const LOCK: Statement = {
  name: "lock_deploy_policy",
  text: "select pg_advisory_xact_lock(hashtextextended('deploy_policy ' || $1::text, 0))",
};

/** A policy to store. */
export interface NewDeployPolicy {
  readonly workspaceId: string;
  readonly rules: readonly DeployRule[];
  readonly by: string;
  readonly reason: string;
}

/** Keeps others from putting the policy until the transaction ends. */
export async function lockDeployPolicy(tx: Tx, workspaceId: string): Promise<void> {
  await tx.query(LOCK, [workspaceId]);
}

/** Stores the policy of a workspace in place of the one before. */
export async function saveDeployPolicy(tx: Tx, policy: NewDeployPolicy): Promise<void> {
  const { workspaceId, rules, by, reason } = policy;
  await tx.query(PUT, [workspaceId, JSON.stringify(rules), by, reason]);
}
