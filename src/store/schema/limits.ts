/** Tables: how many runs of a workflow may be open at once. See tables.ts. */
import { integer, pgTable, smallint, text } from "drizzle-orm/pg-core";

/** Workflows that have a limit, or had one: runs that wait are looked for while there is a row (store/run-limits.ts). */
export const workflowLimits = pgTable("workflow_limits", {
  /** 0: there is no limit any more. */
  maxOpenRuns: integer("max_open_runs").notNull(),
  /** Its place among WHEN_FULL (engine/values/run-limit.ts). */
  whenFull: smallint("when_full").notNull(),
  definitionId: text("definition_id").primaryKey(),
  workspaceId: text("workspace_id").notNull(),
  /** CEL; "": all runs count together. */
  concurrencyKey: text("concurrency_key").notNull(),
});
