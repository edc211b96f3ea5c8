/** Tables: Which version of a workflow is deployed in which environment, and where that needs an approval. See tables.ts. */
import { sql } from "drizzle-orm";
import { index, integer, json, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { JsonObject } from "../../engine/values/json.ts";
import { time, withDots } from "./column-types.ts";

/**
 * Deployments, ended ones too. What is ACTIVE in production is the latest version of its definition: a trigger of the database
 * (migration 0016) ends a row that a replica of a release without deployments leaves behind.
 */
export const workflowDeployments = pgTable(
  "workflow_deployments",
  {
    at: time("at").notNull(),
    /** Null: it was never ACTIVE. */
    activeAt: time("active_at"),
    endedAt: time("ended_at"),
    version: integer("version").notNull(),
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    definitionId: text("definition_id").notNull(),
    versionId: text("version_id").notNull(),
    environment: text("environment").notNull(),
    /** As the enum of the wire: PENDING_APPROVAL, ACTIVE, REJECTED, SUPERSEDED, RETIRED. */
    state: text("state").notNull(),
    /** Index key of the version's trigger; null in production, where the definition has it, and where it has none. */
    triggerKey: text("trigger_key"),
    /** Null: none. */
    vars: json("vars").$type<JsonObject>(),
    deployedBy: text("deployed_by").notNull(),
    note: text("note").notNull(),
    /** "" for none. */
    supersedes: text("supersedes").notNull(),
    decidedBy: text("decided_by").notNull().default(""),
    decisionReason: text("decision_reason").notNull().default(""),
    /** The programs through which `deployedBy` and `decidedBy` came; "" where they did not say. */
    deployedVia: text("deployed_via").notNull().default(""),
    decidedVia: text("decided_via").notNull().default(""),
    /** Of the version, where an approval was needed; else "". */
    digest: text("digest").notNull().default(""),
    /** When its simulation came to a good end; null: there was none. */
    simulatedAt: time("simulated_at"),
  },
  (t) => [
    uniqueIndex("workflow_deployments_active")
      .on(t.definitionId, t.environment)
      .where(sql`${t.state} = 'ACTIVE'`),
    uniqueIndex("workflow_deployments_pending")
      .on(t.definitionId, t.environment)
      .where(sql`${t.state} = 'PENDING_APPROVAL'`),
    index("workflow_deployments_newest").on(t.definitionId, t.at.desc(), t.id.desc()),
    index("workflow_deployments_of_environment").on(
      t.definitionId,
      t.environment,
      t.activeAt.desc(),
      t.id.desc(),
    ),
    index("workflow_deployments_waiting")
      .on(t.workspaceId, t.at.desc(), t.id.desc())
      .where(sql`${t.state} = 'PENDING_APPROVAL'`),
    // A wait pattern counts while its version is deployed.
    index("workflow_deployments_of_version").on(t.versionId).where(sql`${t.state} = 'ACTIVE'`),
    index("workflow_deployments_listening")
      .on(t.workspaceId, t.environment, withDots(t.triggerKey))
      .where(sql`${t.state} = 'ACTIVE' and ${t.triggerKey} is not null`),
  ],
);

/** What deployments to an environment need; no approvers: anyone may approve. What is unset is not needed. */
export interface DeployRule {
  readonly environment: string;
  readonly approvers: readonly string[];
  readonly requiresSimulation?: true;
  /** The environment where a run of the version has COMPLETED. */
  readonly ranIn?: string;
  /** Nobody approves. A replica of the release before asks for an approval all the same. */
  readonly noApproval?: true;
}

/** What deployments of a workspace need. */
export const deployPolicies = pgTable("deploy_policies", {
  updatedAt: time("updated_at").notNull(),
  workspaceId: text("workspace_id").primaryKey(),
  rules: json("rules").$type<readonly DeployRule[]>().notNull(),
  updatedBy: text("updated_by").notNull(),
  reason: text("reason").notNull(),
});
