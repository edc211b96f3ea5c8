/** Tables: what happened to workflows, in the order of the commits of each workspace, for those who watch. See tables.ts. */
import { bigint, index, json, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { JsonObject } from "../../engine/values/json.ts";
import { time } from "./column-types.ts";

/** How many changes a workspace had. The row is locked from the number of a change to its commit, so numbers are in the order of commits. */
export const workflowChangeHeads = pgTable("workflow_change_heads", {
  seq: bigint("seq", { mode: "number" }).notNull(),
  workspaceId: text("workspace_id").primaryKey(),
});

/** The changes of 30 days, without gaps (store/changes.ts). */
export const workflowChanges = pgTable(
  "workflow_changes",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    recordedAt: time("recorded_at").notNull(),
    workspaceId: text("workspace_id").notNull(),
    /** The event, as it is in the outbox. */
    change: json("change").$type<JsonObject>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.seq] }),
    index("workflow_changes_age").on(t.recordedAt),
  ],
);
