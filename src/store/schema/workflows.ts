/** Tables: What a workflow has beside its definition and its versions. See tables.ts. */
import { sql } from "drizzle-orm";
import {
  boolean,
  doublePrecision,
  index,
  integer,
  pgTable,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import { time } from "./column-types.ts";
import { workflowDefinitions } from "./definitions.ts";

/** What people say of a workflow. No row: what Create gives by default, with the revision 0. */
export const workflowDetails = pgTable(
  "workflow_details",
  {
    /** Null: it is not archived. */
    archivedAt: time("archived_at"),
    /** The share of a day's ended runs that may fail without a report; null: HIGH_FAILURE_RATE of engine/values/workflow-status.ts. */
    highFailureRate: doublePrecision("high_failure_rate"),
    /** Counts Update, Archive and Unarchive. */
    revision: integer("revision").notNull(),
    /** Each start is an event of the workflow too. */
    announcesStarts: boolean("announces_starts").notNull().default(false),
    definitionId: text("definition_id")
      .primaryKey()
      .references(() => workflowDefinitions.id),
    owner: text("owner").notNull(),
    team: text("team").notNull(),
  },
  (t) => [index("workflow_details_announced").on(t.definitionId).where(sql`${t.announcesStarts}`)],
);

/** The text of a workflow that somebody works on. */
export const workflowDrafts = pgTable("workflow_drafts", {
  savedAt: time("saved_at").notNull(),
  /** Of the text, when it was saved. */
  faultCount: integer("fault_count").notNull(),
  /** The latest version when the draft was begun. */
  baseVersion: integer("base_version").notNull(),
  definitionId: text("definition_id")
    .primaryKey()
    .references(() => workflowDefinitions.id),
  /** Drawn anew by each save. */
  etag: text("etag").notNull(),
  savedBy: text("saved_by").notNull(),
  format: text("format").$type<"yaml" | "json">().notNull(),
  sourceText: text("source_text").notNull(),
  // JSON as text: its keys keep their order, which an editor shows.
  layoutJson: text("layout_json"),
});

/** What is known of a version's content, so that lists do not read it. Versions that were published before have no row. */
export const versionFacts = pgTable("version_facts", {
  /** Bits: engine/steps/contains.ts. */
  contains: smallint("contains").notNull(),
  versionId: text("version_id").primaryKey(),
});

/**
 * Workflows of which no run may begin. Each statement that inserts runs looks here with a row lock (store/save-batch.ts), so whoever
 * has the EXCLUSIVE lock of the table knows that no start is under way (store/closed-workflows.ts).
 */
export const closedWorkflows = pgTable("closed_workflows", {
  closedAt: time("closed_at").notNull(),
  definitionId: text("definition_id").primaryKey(),
  why: text("why").$type<"archived" | "deleted">().notNull(),
});
