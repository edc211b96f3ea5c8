/** Reads of the policies that say which deployments need an approval. Boundary: rows as they are stored. */
import { and, eq } from "drizzle-orm";
import type { Queries } from "../database.ts";
import { type DeployRule, deployPolicies } from "../schema/deployments.ts";
import { seenBy, type Visibility } from "./visibility.ts";

/** A policy as it is stored. */
export type DeployPolicyRow = typeof deployPolicies.$inferSelect;

/** The policy of a workspace; undefined: none was put. */
export async function findDeployPolicy(
  db: Queries,
  visibility: Visibility,
  workspaceId: string,
): Promise<DeployPolicyRow | undefined> {
  const { workspaceId: own } = deployPolicies;
  const [row] = await db.build
    .select()
    .from(deployPolicies)
    .where(and(eq(own, workspaceId), seenBy(visibility, own)));
  return row;
}

/** The rule of an environment; undefined: it needs no approval. */
export function ruleOf(
  policy: Pick<DeployPolicyRow, "rules"> | undefined,
  environment: string,
): DeployRule | undefined {
  return policy?.rules.find((rule) => rule.environment === environment);
}
