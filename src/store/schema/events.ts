/** Tables: Events that are kept for waits, and messages that were put aside. See tables.ts. */
import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { JsonObject } from "../../engine/values/json.ts";
import { bytea, hashed, time, withDots } from "./column-types.ts";

/** Events that fit a wait pattern, kept so that a wait never loses one to a race. */
export const keptEvents = pgTable(
  "kept_events",
  {
    seq: bigserial("seq", { mode: "number" }).primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    source: text("source").notNull(),
    eventId: text("event_id").notNull(),
    type: text("type").notNull(),
    subject: text("subject").notNull(),
    time: text("time").notNull(),
    arrivedAt: time("arrived_at").notNull(),
    data: jsonb("data").$type<JsonObject>().notNull(),
    /** Extension attributes as texts; null: none. */
    extensions: jsonb("extensions").$type<Readonly<Record<string, string>>>(),
    /** Keys under which kept_event_keys has the event; null: all that wait may want it (too many, or kept by 0.1.0). */
    equals: text("equals").array(),
  },
  (t) => [
    uniqueIndex("kept_events_id").on(t.workspaceId, t.eventId, t.source),
    index("kept_events_of_type").on(hashed(t.workspaceId, withDots(t.type)), t.arrivedAt, t.seq),
    index("kept_events_of_subject").on(
      hashed(t.workspaceId, withDots(t.subject)),
      t.arrivedAt,
      t.seq,
    ),
    index("kept_events_of_workspace").on(t.workspaceId, t.arrivedAt, t.seq),
    index("kept_events_without_keys")
      .on(t.workspaceId, t.arrivedAt, t.seq)
      .where(sql`${t.equals} is null`),
    index("kept_events_arrived").on(t.arrivedAt),
  ],
);

/** Kept events by what the filters of waits ask of them; a row goes with its event. */
export const keptEventKeys = pgTable(
  "kept_event_keys",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    arrivedAt: time("arrived_at").notNull(),
    workspaceId: text("workspace_id").notNull(),
    equals: text("equals").notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspaceId, t.equals, t.arrivedAt, t.seq] })],
);

/** Reports about ids that no step knows yet, kept while the workspace has a call open that may bring the id. */
export const earlyReports = pgTable(
  "early_reports",
  {
    seq: bigserial("seq", { mode: "number" }).primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    /** Id of the objective, delegation or approval request. */
    objectId: text("object_id").notNull(),
    eventId: text("event_id").notNull(),
    report: jsonb("report").$type<JsonObject>().notNull(),
    arrivedAt: time("arrived_at").notNull(),
  },
  (t) => [
    index("early_reports_object").on(t.workspaceId, t.objectId),
    index("early_reports_arrived").on(t.arrivedAt),
  ],
);

/** Messages that could not be read or handled, put aside with their reason. */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    stream: text("stream").notNull(),
    subject: text("subject").notNull(),
    streamSeq: bigint("stream_seq", { mode: "number" }).notNull(),
    reason: text("reason").notNull(),
    problem: text("problem").notNull(),
    headers: json("headers").$type<Record<string, string[]>>().notNull(),
    data: bytea("data").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
    /** Null: the message names none, or was put aside before 0010. */
    workspaceId: text("workspace_id"),
    // When, how, by whom and why it was settled; null: it is open.
    endedAt: time("ended_at"),
    endedAs: text("ended_as").$type<"retried" | "discarded">(),
    endedBy: text("ended_by"),
    endReason: text("end_reason"),
    /** The program through which `endedBy` came; "" where it did not say. */
    endedVia: text("ended_via"),
  },
  (t) => [
    index("dead_letters_open").on(t.workspaceId, t.id.desc()).where(sql`${t.endedAt} is null`),
    index("dead_letters_ended").on(t.workspaceId, t.id.desc()).where(sql`${t.endedAt} is not null`),
    uniqueIndex("dead_letters_message").on(t.stream, t.streamSeq),
    index("dead_letters_newest").on(t.createdAt),
  ],
);

/** Messages whose handling failed within the last hour. */
export const failedDeliveries = pgTable(
  "failed_deliveries",
  {
    failedAt: time("failed_at").notNull(),
    streamSeq: bigint("stream_seq", { mode: "number" }).notNull(),
    failures: integer("failures").notNull(),
    stream: text("stream").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.stream, t.streamSeq] }),
    index("failed_deliveries_age").on(t.failedAt),
  ],
);
