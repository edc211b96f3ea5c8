/** Tables: Definitions, versions, and what is looked up by their triggers and waits. See tables.ts. */
import { sql } from "drizzle-orm";
import {
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type {
  EdgeDefinition,
  RetryPolicy,
  StepDefinition,
  TriggerDefinition,
} from "../../engine/values/definition.ts";
import { time, withDots } from "./column-types.ts";

/** Definitions, with the trigger of the latest version, which alone listens. */
export const workflowDefinitions = pgTable(
  "workflow_definitions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    description: text("description").notNull(),
    latestVersion: integer("latest_version").notNull().default(0),
    tags: text("tags").array().notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
    updatedAt: time("updated_at").notNull().defaultNow(),
    latestVersionId: text("latest_version_id"),
    /**
     * Index key of the latest version's EVENT, WEBHOOK or SCHEDULE trigger (engine/matching/keys.ts); null: it does not
     * listen.
     */
    triggerKey: text("trigger_key"),
    /** Events that arrive before this time start nothing. */
    listensSince: time("listens_since"),
  },
  (t) => [
    uniqueIndex("workflow_definitions_name").on(t.workspaceId, t.name),
    index("workflow_definitions_newest").on(t.workspaceId, t.createdAt.desc(), t.id.desc()),
    index("workflow_definitions_updated").on(t.workspaceId, t.updatedAt.desc(), t.id.desc()),
    // The workspace stands among the tags, so that one index finds a tag within a workspace.
    index("workflow_definitions_tags")
      .using("gin", sql`array_append(${t.tags}, ${t.workspaceId})`)
      .with({ fastupdate: false }),
    index("workflow_definitions_listening")
      .on(t.workspaceId, withDots(t.triggerKey))
      .where(sql`${t.triggerKey} is not null`),
  ],
);

/** Immutable versions. */
export const workflowVersions = pgTable(
  "workflow_versions",
  {
    id: text("id").primaryKey(),
    definitionId: text("definition_id")
      .notNull()
      .references(() => workflowDefinitions.id),
    version: integer("version").notNull(),
    steps: jsonb("steps").$type<StepDefinition[]>().notNull(),
    edges: jsonb("edges").$type<EdgeDefinition[]>().notNull(),
    trigger: jsonb("trigger").$type<TriggerDefinition>().notNull(),
    defaultRetryPolicy: jsonb("default_retry_policy").$type<RetryPolicy>(),
    timeoutSeconds: integer("timeout_seconds").notNull(),
    author: text("author").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (t) => [uniqueIndex("workflow_versions_number").on(t.definitionId, t.version)],
);

/** What a version was made from by PublishSource. Versions of PublishVersion have no row. */
export const versionSources = pgTable("version_sources", {
  publishedAt: time("published_at").notNull(),
  versionId: text("version_id").primaryKey(),
  publishedBy: text("published_by").notNull(),
  note: text("note").notNull(),
  sourceText: text("source_text").notNull(),
  // JSON as text: its keys keep their order, which an editor shows.
  layoutJson: text("layout_json"),
  inputSchemaJson: text("input_schema_json"),
  /** The program through which `publishedBy` came; "" where it did not say. */
  publishedVia: text("published_via").notNull().default(""),
});

/** The cron line of a latest version, its next slot, and what a start needs to know. */
export const schedules = pgTable(
  "schedules",
  {
    /** Null: no slot comes any more. */
    nextAt: time("next_at"),
    /** `@every` counts from here: the publish of the first version with this line. */
    anchorAt: time("anchor_at").notNull(),
    version: integer("version").notNull(),
    definitionId: text("definition_id")
      .primaryKey()
      .references(() => workflowDefinitions.id),
    workspaceId: text("workspace_id").notNull(),
    versionId: text("version_id").notNull(),
    cronLine: text("cron_line").notNull(),
  },
  (t) => [
    index("schedules_next").on(t.nextAt),
    index("schedules_of_workspace").on(t.workspaceId, t.definitionId),
  ],
);

/** Patterns of the event waits of a version: events that fit one are kept (behaviour: look-back). */
export const waitPatterns = pgTable(
  "wait_patterns",
  {
    versionId: text("version_id").notNull(),
    definitionId: text("definition_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    waitKey: text("wait_key").notNull(),
    typePattern: text("type_pattern").notNull(),
    subjectPattern: text("subject_pattern").notNull(),
    /** Fields of the event whose values are part of the key (engine/matching/equality.ts); null: none. */
    eventPaths: text("event_paths"),
  },
  // The first is for replicas of 0.1.0, as are workflow_definitions_trigger and step_runs_waiting.
  (t) => [index("wait_patterns_tokens").on(t.workspaceId, withDots(t.waitKey))],
);

/**
 * One row: the edition of the catalogue. A transaction that changes the trigger keys of definitions or the wait patterns gives
 * it another random value at its end, by triggers of the database (migration 0004), whatever program writes.
 */
export const catalogueEdition = pgTable("catalogue_edition", {
  id: smallint("id").primaryKey(),
  edition: uuid("edition").notNull(),
});
