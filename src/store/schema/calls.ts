/** Tables: Calls that are wanted, and the keyed calls of callers. See tables.ts. */
import { sql } from "drizzle-orm";
import { bigint, index, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { bytea, hashed, time } from "./column-types.ts";

/** Calls whose result is not committed yet. The table keeps its first name. */
export const effects = pgTable(
  "effects",
  {
    createdAt: time("created_at").notNull(),
    /** No other replica takes the call before this time by the database's clock. */
    leaseUntil: time("lease_until").notNull(),
    stepIndex: smallint("step_index").notNull(),
    attempt: smallint("attempt").notNull(),
    /** `run/step/attempt/call`. Sorted by bytes (migration 0001), so that the calls of a run are a range of the key. */
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    kind: text("kind").notNull(),
    /** The replica that performs the call; "" after it was given back. */
    holder: text("holder").notNull(),
    /** The request's bytes as they are sent, on every try. */
    request: bytea("request").notNull(),
  },
  (t) => [
    // Calls that bring the id of an object: whether a report about an unknown one may be ours.
    index("effects_making")
      .on(hashed(t.workspaceId, t.kind))
      .where(sql`${t.kind} in ('create_objective', 'delegate', 'request_approval')`),
    index("effects_held").on(t.leaseUntil).where(sql`${t.holder} <> ''`),
    index("effects_free").on(t.kind, t.workspaceId, t.leaseUntil).where(sql`${t.holder} = ''`),
  ],
);

/**
 * Where tasks of workers are on their stream, of tasks that have been open for some seconds (store/task-places.ts).
 */
export const taskPlaces = pgTable(
  "task_places",
  {
    /** Sequence of the message on the stream. */
    seq: bigint("seq", { mode: "number" }).notNull(),
    stepIndex: smallint("step_index").notNull(),
    attempt: smallint("attempt").notNull(),
    runId: text("run_id").notNull(),
    /** When the stream was made, as JetStream writes it. */
    created: text("created").notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.stepIndex] })],
);

/**
 * Idempotency keys of callers: who does a call, what it changed, and its answer. Deleted 7 days after the first call.
 */
export const callerKeys = pgTable(
  "caller_keys",
  {
    createdAt: time("created_at").notNull(),
    /** Until then the holder is presumed to be at work. */
    leaseUntil: time("lease_until").notNull(),
    workspaceId: text("workspace_id").notNull(),
    method: text("method").notNull(),
    key: text("key").notNull(),
    /** The try that does the call, '' after it; one that is not the holder any more commits nothing. */
    holder: text("holder").notNull(),
    bodyHash: bytea("body_hash").notNull(),
    /** Id of what the call made or changed, written in the transaction that did; null: nothing is done yet. */
    appliedTo: text("applied_to"),
    /** The answer's message; null: not answered yet, or too large to keep. */
    answer: bytea("answer"),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.method, t.key] }),
    index("caller_keys_age").on(t.createdAt),
  ],
);
