/**
 * Tables: The history of runs, which is the outbox too, and the marks of what is published, handled and deleted. See tables.ts.
 */
import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import type { JsonObject } from "../../engine/values/json.ts";
import type { PackedCause, PackedMove } from "../packed-moves.ts";
import { time } from "./column-types.ts";

/** History and outbox in one: a row a transition, with its cause and all its moves. */
export const runMoves = pgTable(
  "run_moves",
  {
    batchId: bigint("batch_id", { mode: "number" }).notNull(),
    recordedAt: time("recorded_at").notNull(),
    seq: integer("seq").notNull(),
    runId: text("run_id").notNull(),
    /** `[kind, id, by?]`, packed; what its numbers mean stands in packed-moves.ts. */
    cause: json("cause").$type<PackedCause>().notNull(),
    /** A list of `[step (-1: the run), from, to, operation, facts?]`, packed likewise. */
    moves: json("moves").$type<readonly PackedMove[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.seq] }), index("run_moves_batch").on(t.batchId)],
);

/**
 * One row a commit and partition: the mark of what is published.
 * The id is drawn after the runs are locked, so for each run ids rise with its seq.
 */
export const moveBatches = pgTable(
  "move_batches",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    partition: smallint("partition").notNull(),
    /** Events of definitions and versions, rendered as they are; null for batches of runs. */
    changes: json("changes").$type<JsonObject[]>(),
    publishedAt: time("published_at"),
    createdAt: time("created_at").notNull().defaultNow(),
    /** Its runs were counted before: it is published again because the stream lost it. Else null. */
    counted: boolean("counted"),
  },
  (t) => [
    index("move_batches_unpublished").on(t.partition, t.id).where(sql`${t.publishedAt} is null`),
  ],
);

/** Which replica publishes a partition. */
export const partitionLeases = pgTable("partition_leases", {
  partition: smallint("partition").primaryKey(),
  holder: text("holder").notNull(),
  leaseUntil: time("lease_until").notNull(),
});

/** How far our stream was at a time: shows what it lost when it is behind that (see stream-marks.ts). */
export const streamMarks = pgTable(
  "stream_marks",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    /** Before the stream was asked. */
    markedAt: time("marked_at").notNull(),
    stream: text("stream").notNull(),
    /** When the stream was made, as JetStream writes it. */
    created: text("created").notNull(),
  },
  (t) => [primaryKey({ columns: [t.stream, t.markedAt] })],
);

/** The highest sequence that our stream acknowledged, noted with the marks of what is published (see outbox.ts). */
export const streamAcks = pgTable(
  "stream_acks",
  {
    seq: bigint("seq", { mode: "number" }).notNull(),
    notedAt: time("noted_at").notNull(),
    /** One of those that were marked: only the holder of its lease writes the row, so no replica waits for another. */
    partition: smallint("partition").notNull(),
    stream: text("stream").notNull(),
  },
  (t) => [primaryKey({ columns: [t.stream, t.partition] })],
);

/** How far a source was handled: a consumer that has to be made begins there (see source-positions.ts). */
export const sourcePositions = pgTable(
  "source_positions",
  {
    ackFloor: bigint("ack_floor", { mode: "number" }).notNull(),
    servedAt: time("served_at").notNull(),
    seenAt: time("seen_at").notNull(),
    stream: text("stream").notNull(),
    durable: text("durable").notNull(),
    /** When the stream was made, as JetStream writes it. */
    created: text("created").notNull(),
  },
  (t) => [primaryKey({ columns: [t.stream, t.durable] })],
);

/** When it was announced that runs older than a number of days will be deleted (store/retention.ts). */
export const retentionNotices = pgTable("retention_notices", {
  announcedAt: time("announced_at").notNull(),
  days: integer("days").primaryKey(),
});
