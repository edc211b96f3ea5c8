/**
 * The tables of the model, and rows on their way in: what a statement gets as JSON becomes what Postgres gives back.
 * Boundary: columns and their types are the schema's.
 */
import { getTableColumns } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type { callerKeys, effects, taskPlaces } from "../../../../src/store/schema/calls.ts";
import type {
  schedules,
  waitPatterns,
  workflowDefinitions,
  workflowVersions,
} from "../../../../src/store/schema/definitions.ts";
import type { earlyReports, keptEvents } from "../../../../src/store/schema/events.ts";
import type {
  moveBatches,
  partitionLeases,
  runMoves,
  streamAcks,
  streamMarks,
} from "../../../../src/store/schema/history.ts";
import type { inboxItems } from "../../../../src/store/schema/inbox.ts";
import type {
  childRuns,
  runStarts,
  stepRuns,
  workflowRuns,
} from "../../../../src/store/schema/runs.ts";
import type { workflowCounters } from "../../../../src/store/schema/statistics.ts";
import { Table } from "./tables.ts";

/** Rows of the model's tables. */
export type RunRow = typeof workflowRuns.$inferSelect;
export type StepRow = typeof stepRuns.$inferSelect;
export type ChildRow = typeof childRuns.$inferSelect;
export type EffectRow = typeof effects.$inferSelect;
export type StartRow = typeof runStarts.$inferSelect;
export type MovesRow = typeof runMoves.$inferSelect;
type BatchRow = typeof moveBatches.$inferSelect;
export type KeptRow = typeof keptEvents.$inferSelect;
export type EarlyRow = typeof earlyReports.$inferSelect;
export type ScheduleRow = typeof schedules.$inferSelect;
export type CallerKeyRow = typeof callerKeys.$inferSelect;
type ItemRow = typeof inboxItems.$inferSelect;
export type CounterRow = typeof workflowCounters.$inferSelect;

/** All tables of one database. */
export interface Tables {
  readonly runs: Table<RunRow>;
  readonly steps: Table<StepRow>;
  readonly children: Table<ChildRow>;
  readonly effects: Table<EffectRow>;
  readonly starts: Table<StartRow>;
  readonly moves: Table<MovesRow>;
  readonly batches: Table<BatchRow>;
  readonly kept: Table<KeptRow>;
  readonly early: Table<EarlyRow>;
  readonly partitions: Table<typeof partitionLeases.$inferSelect>;
  readonly streamAcks: Table<typeof streamAcks.$inferSelect>;
  readonly streamMarks: Table<typeof streamMarks.$inferSelect>;
  readonly definitions: Table<typeof workflowDefinitions.$inferSelect>;
  readonly versions: Table<typeof workflowVersions.$inferSelect>;
  readonly waitPatterns: Table<typeof waitPatterns.$inferSelect>;
  readonly schedules: Table<ScheduleRow>;
  readonly callerKeys: Table<CallerKeyRow>;
  readonly items: Table<ItemRow>;
  readonly taskPlaces: Table<typeof taskPlaces.$inferSelect>;
  readonly counters: Table<CounterRow>;
}

/** Empty tables. */
export function makeTables(): Tables {
  return {
    runs: new Table("runs"),
    steps: new Table("steps"),
    children: new Table("children"),
    effects: new Table("effects"),
    starts: new Table("starts"),
    moves: new Table("moves"),
    batches: new Table("batches"),
    kept: new Table("kept"),
    early: new Table("early"),
    partitions: new Table("partitions"),
    streamAcks: new Table("stream_acks"),
    streamMarks: new Table("stream_marks"),
    definitions: new Table("definitions"),
    versions: new Table("versions"),
    waitPatterns: new Table("wait_patterns"),
    schedules: new Table("schedules"),
    callerKeys: new Table("caller_keys"),
    items: new Table("inbox_items"),
    taskPlaces: new Table("task_places"),
    counters: new Table("workflow_counters"),
  };
}

/** Keys of rows. */
export const stepKey = (row: { runId: string; stepIndex: number }) =>
  `${row.runId}/${row.stepIndex}`;
export const childKey = (row: ChildRow) =>
  `${row.runId}/${row.stepIndex}/${row.attempt}/${row.childIndex}`;
export const itemKey = (row: { runId: string; stepIndex: number; place: number }) =>
  `${row.runId}/${row.stepIndex}/${row.place}`;
export const startKey = (row: { definitionId: string; eventId: string; source: string }) =>
  `${row.definitionId}|${row.eventId}|${row.source}`;
export const counterKey = (
  row: Pick<CounterRow, "definitionId" | "kind" | "day" | "name" | "shard">,
) => [row.definitionId, row.kind, row.day, row.name, row.shard].join("|");
export const callerKey = (row: { workspaceId: string; method: string; key: string }) =>
  `${row.workspaceId}|${row.method}|${row.key}`;

/** Reads a JSON parameter of rows of a table. Payloads are frozen: a row that was read is never changed. */
export function incomingRows<Row>(table: PgTable, parameter: unknown): Row[] {
  const readers = readersOf(table);
  const rows: Record<string, unknown>[] = JSON.parse(String(parameter));
  return rows.map((row) => {
    const read: Record<string, unknown> = {};
    for (const { property, type } of readers) read[property] = storedValue(type, row[property]);
    return { ...row, ...read } as Row;
  });
}

/** A JSON value that nobody may change. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}

interface Reader {
  readonly property: string;
  readonly type: string;
}

const known = new Map<PgTable, readonly Reader[]>();

function readersOf(table: PgTable): readonly Reader[] {
  const readers =
    known.get(table) ??
    Object.entries(getTableColumns(table)).map(([property, column]) => ({
      property,
      type: column.getSQLType(),
    }));
  known.set(table, readers);
  return readers;
}

function storedValue(type: string, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (type.startsWith("timestamp")) return new Date(String(value));
  if (type === "bytea") return Buffer.from(String(value).slice(2), "hex");
  return frozen(value);
}
