/** Tables: templates that workspaces keep. See tables.ts. */
import { integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { time } from "./column-types.ts";

/** Templates of workspaces, beside the gallery of the service. */
export const workspaceTemplates = pgTable(
  "workspace_templates",
  {
    savedAt: time("saved_at").notNull(),
    /** Counts its saves. */
    revision: integer("revision").notNull(),
    workspaceId: text("workspace_id").notNull(),
    id: text("id").notNull(),
    title: text("title").notNull(),
    summary: text("summary").notNull(),
    category: text("category").notNull(),
    savedBy: text("saved_by").notNull(),
    reason: text("reason").notNull(),
    // JSON as text: its keys keep their order, in which a form shows them.
    parametersJson: text("parameters_json").notNull(),
    needsJson: text("needs_json").notNull(),
    /** Drawn anew by each save: of a template that was deleted and made again it is another one. */
    etag: text("etag").notNull(),
    sourceText: text("source_text").notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspaceId, t.id] })],
);
