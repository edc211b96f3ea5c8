/** Table: Messages to people that the service sends itself (NOTIFICATIONS_URL=builtin). See tables.ts. */
import { sql } from "drizzle-orm";
import { index, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { bytea, time } from "./column-types.ts";

/** A message to one recipient: queued, sent or given up. A row without `done_at` is to be sent. */
export const notifications = pgTable(
  "notifications",
  {
    createdAt: time("created_at").notNull(),
    /** No replica tries before this time by the database's clock: the next try, or the lease of the one under way. */
    nextAt: time("next_at").notNull(),
    doneAt: time("done_at"),
    /** Tries that have begun. */
    attempts: smallint("attempts").notNull(),
    /** Those of them whose receiver may have the message: they have no result, or one that does not tell. */
    unsure: smallint("unsure").notNull(),
    /** 1: queued, 2: sent, 3: given up. */
    state: smallint("state").notNull(),
    /** Of several recipients of one request the number, from 1. */
    place: smallint("place").notNull(),
    /** Numbers of notifications.v1.Priority and NotificationCategory. */
    priority: smallint("priority").notNull(),
    category: smallint("category").notNull(),
    /** Follows from workspace and idempotency key, so that a repeat finds the first request. */
    id: text("id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    /** SHA-256 of the request's bytes: the same key with another body is refused. */
    bodyHash: bytea("body_hash").notNull(),
    /** An e-mail address, the name of a target, or a URL. */
    recipient: text("recipient").notNull(),
    subject: text("subject").notNull(),
    body: text("body").notNull(),
    /** Where to act; "" for nowhere. */
    link: text("link").notNull(),
    /** A JSON object, or "". */
    metadataJson: text("metadata_json").notNull(),
    lastError: text("last_error").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.id, t.place] }),
    index("notifications_due").on(t.nextAt).where(sql`${t.doneAt} is null`),
    index("notifications_of_workspace").on(t.workspaceId).where(sql`${t.doneAt} is null`),
    index("notifications_done").on(t.doneAt).where(sql`${t.doneAt} is not null`),
  ],
);
