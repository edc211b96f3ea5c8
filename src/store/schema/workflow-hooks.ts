/** Tables: who is asked before a workflow is changed. See tables.ts. */
import { boolean, pgTable, text, unique } from "drizzle-orm/pg-core";
import type { HookVerb } from "../../engine/values/hook.ts";
import { bytea, time } from "./column-types.ts";

/** Hooks before verbs; 50 of a workspace at most. A row goes by DeleteHook, or with its workflow. */
export const workflowHooks = pgTable(
  "workflow_hooks",
  {
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
    governance: boolean("governance").notNull(),
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    /** Null: it is asked for each workflow. */
    definitionId: text("definition_id"),
    verbs: text("verbs").array().$type<HookVerb[]>().notNull(),
    /** "": nothing is posted. */
    url: text("url").notNull(),
    changedBy: text("changed_by").notNull(),
    changeReason: text("change_reason").notNull(),
    /** Drawn anew by each change. */
    etag: text("etag").notNull(),
    /** Signs what is posted; sealed by process/seal.ts. Null: nothing is posted. */
    sealedSecret: bytea("sealed_secret"),
  },
  (t) => [unique("workflow_hooks_name").on(t.workspaceId, t.name)],
);
