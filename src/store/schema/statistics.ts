/** Tables: counters of the runs of workflows, a row a day. See tables.ts. */
import {
  bigint,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import { time } from "./column-types.ts";

/**
 * Counters of runs by workflow and day. They are written with the marks of publishing (mark-published.ts), and by nobody else, so that
 * each move counts once. A row of the kind `since` and no workflow says when counting began.
 */
export const workflowCounters = pgTable(
  "workflow_counters",
  {
    /** When it counted last; null for kinds that do not say. */
    lastAt: time("last_at"),
    runs: bigint("runs", { mode: "number" }).notNull(),
    durationMs: bigint("duration_ms", { mode: "number" }).notNull(),
    costUsd: doublePrecision("cost_usd").notNull(),
    /** Days since 1970-01-01 in UTC; 0: all days. */
    day: integer("day").notNull(),
    /** COUNTER_KINDS of run-counts.ts. */
    kind: smallint("kind").notNull(),
    /** A partition of who counted: replicas write rows of their own. Readers sum up. */
    shard: smallint("shard").notNull(),
    definitionId: text("definition_id").notNull(),
    /** The outcome, the class of durations, or the id of the step. */
    name: text("name").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.definitionId, t.kind, t.day, t.name, t.shard] }),
    index("workflow_counters_age").on(t.kind, t.day),
  ],
);
