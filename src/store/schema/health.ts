/** Tables: workflows that cannot work, and whose turn it is to find them. See tables.ts. */
import { pgTable, smallint, text } from "drizzle-orm/pg-core";
import { time } from "./column-types.ts";

/** Deployed workflows that cannot work. A row goes when its workflow can, is not deployed any more, or is deleted. */
export const workflowHealth = pgTable("workflow_health", {
  failedSince: time("failed_since").notNull(),
  definitionId: text("definition_id").primaryKey(),
  workspaceId: text("workspace_id").notNull(),
  /** The version that was looked at. */
  versionId: text("version_id").notNull(),
  // JSON as text: an array of sentences.
  reasonsJson: text("reasons_json").notNull(),
});

/** One row: when a replica began the last round, and where the next one goes on. */
export const healthRounds = pgTable("health_rounds", {
  beganAt: time("began_at").notNull(),
  id: smallint("id").primaryKey(),
  /** The id of the last workflow that was looked at; "": the next round begins anew. */
  afterId: text("after_id").notNull(),
});
