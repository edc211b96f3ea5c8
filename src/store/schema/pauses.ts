/** Tables: paused workflows, and the triggers that came meanwhile. See tables.ts. */
import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import type { StoredStart } from "../missed-triggers.ts";
import { time } from "./column-types.ts";

/** Workflows that no trigger starts. The row is locked by who notes a missed trigger, and by Resume, which deletes it. */
export const workflowPauses = pgTable("workflow_pauses", {
  pausedAt: time("paused_at").notNull(),
  /** Of this pause. */
  missed: bigint("missed", { mode: "number" }).notNull(),
  queued: bigint("queued", { mode: "number" }).notNull(),
  /** Of the payloads that are kept for the workflow, from earlier pauses too. */
  keptBytes: bigint("kept_bytes", { mode: "number" }).notNull(),
  /** 0: triggers are dropped. */
  queueSeconds: integer("queue_seconds").notNull(),
  definitionId: text("definition_id").primaryKey(),
  workspaceId: text("workspace_id").notNull(),
  pausedBy: text("paused_by").notNull(),
  reason: text("reason").notNull(),
});

/** Triggers that came while their workflow was paused: one row a definition and event, as starts are. */
export const missedTriggers = pgTable(
  "missed_triggers",
  {
    seq: bigserial("seq", { mode: "number" }).notNull(),
    missedAt: time("missed_at").notNull(),
    /** Null: it is not queued. */
    queuedUntil: time("queued_until"),
    /** Since when it is to be started; null: it is not. */
    dueAt: time("due_at"),
    startBytes: integer("start_bytes").notNull(),
    /** MISSED_STATES of missed-triggers.ts. */
    state: smallint("state").notNull(),
    definitionId: text("definition_id").notNull(),
    eventId: text("event_id").notNull(),
    source: text("source").notNull(),
    triggerType: text("trigger_type").notNull(),
    pauseReason: text("pause_reason").notNull(),
    runId: text("run_id"),
    problem: text("problem"),
    /** What it starts; null: there was no room, or it has started. */
    start: jsonb("start").$type<StoredStart>(),
  },
  (t) => [
    primaryKey({ columns: [t.definitionId, t.eventId, t.source] }),
    index("missed_triggers_of_workflow").on(t.definitionId, t.seq),
    index("missed_triggers_due").on(t.dueAt, t.seq).where(sql`${t.dueAt} is not null`),
    index("missed_triggers_age").on(t.missedAt),
  ],
);
