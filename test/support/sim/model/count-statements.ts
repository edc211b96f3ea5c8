/** Statements that mark batches as published and count their runs (store/mark-published.ts). */

import { HIGH_FAILURE_RATE } from "../../../../src/engine/values/workflow-status.ts";
import { ALL_DAYS, COUNTER_KINDS } from "../../../../src/store/run-counts.ts";
import { type CounterRow, counterKey } from "./rows.ts";
import { type At, type ModelStatements, zip } from "./statement.ts";

type MarkValues = [
  holder: string,
  ids: number[],
  partitions: number[],
  stream: string,
  seq: number,
];
type CountValues = [
  ...MarkValues,
  batches: number[],
  definitionIds: string[],
  kinds: number[],
  days: number[],
  names: string[],
  runs: number[],
  costs: number[],
  durations: number[],
  lastAts: (Date | null)[],
];
type ReportValues = [...CountValues, failures: string[]];

const ENDED_AT_LEAST = 10;

/** See the file's head. */
export const countStatements: ModelStatements = {
  mark_published: async (at, values: MarkValues) => (await mark(at, values, () => true)).marked,
  mark_and_count_published: async (at, values: CountValues) => (await count(at, values)).marked,
  async mark_and_report_published(at, values: ReportValues) {
    const before = [...at.tx.rows(at.tables.counters)];
    const { marked, added, shard } = await count(at, values);
    const failures = values[14];
    const isEnd = (row: CounterRow) => row.kind === COUNTER_KINDS.ended && row.day !== ALL_DAYS;
    const failing = added.filter(
      (row) => isEnd(row) && row.runs > 0 && failures.includes(row.name),
    );
    for (const { definitionId, day } of failing) {
      const ends = [...before, ...added].filter((row) => {
        return isEnd(row) && row.definitionId === definitionId && row.day === day;
      });
      const sumOf = (rows: readonly CounterRow[]) => rows.reduce((sum, { runs }) => sum + runs, 0);
      const ended = sumOf(ends);
      const failed = sumOf(ends.filter(({ name }) => failures.includes(name)));
      if (ended < ENDED_AT_LEAST || failed <= ended * HIGH_FAILURE_RATE) continue;
      await report(at, { definitionId, day, ended, failed, shard });
    }
    return marked;
  },
};

async function mark(
  { tx, tables, now }: At,
  [holder, ids, partitions, stream, seq]: MarkValues,
  mayMark: (batch: { publishedAt: Date | null }) => boolean,
) {
  const marked: { id: number }[] = [];
  const uncounted = new Set<number>();
  const held = zip(ids, partitions).filter(([, partition]) => {
    const lease = tx.get(tables.partitions, String(partition));
    return lease?.holder === holder && lease.leaseUntil.getTime() > now.getTime();
  });
  for (const [id] of held) {
    await tx.lock(tables.batches, String(id));
    const batch = tx.get(tables.batches, String(id));
    if (batch === undefined || !mayMark(batch)) continue;
    tx.put(tables.batches, String(id), { ...batch, publishedAt: now });
    marked.push({ id });
    if (batch.counted === null) uncounted.add(id);
  }
  if (held.length === 0 || seq === 0) return { marked, uncounted };
  const partition = Math.min(...held.map(([, each]) => each));
  const ack = { stream, partition, seq, notedAt: now };
  const key = `${stream}|${partition}`;
  if (!(await tx.insert(tables.streamAcks, key, ack))) {
    await tx.lock(tables.streamAcks, key);
    tx.put(tables.streamAcks, key, ack);
  }
  return { marked, uncounted };
}

async function count(at: At, values: CountValues | ReportValues) {
  const { tx, tables, now } = at;
  const [holder, ids, partitions, stream, seq, ...columns] = values;
  const marks: MarkValues = [holder, ids, partitions, stream, seq];
  const { marked, uncounted } = await mark(at, marks, ({ publishedAt }) => publishedAt === null);
  const leased = [...tx.rows(tables.partitions)].filter((lease) => {
    return lease.holder === holder && lease.leaseUntil.getTime() > now.getTime();
  });
  const shard = Math.min(...leased.map(({ partition }) => partition));
  const added = new Map<string, CounterRow>();
  const [batches, definitionIds, kinds, days, names, runs, costs, durations, lastAts] = columns;
  const rows = zip<[number, string, number, number, string, number, number, number, Date | null]>(
    ...[batches, definitionIds, kinds, days, names, runs, costs, durations, lastAts],
  );
  for (const [batch, definitionId, kind, day, name, number, costUsd, durationMs, lastAt] of rows) {
    if (!uncounted.has(batch)) continue;
    const isTotal = kind === COUNTER_KINDS.started || kind === COUNTER_KINDS.ended;
    for (const each of isTotal ? [day, ALL_DAYS] : [day]) {
      const row = { definitionId, kind, day: each, name, shard, runs: number, costUsd, durationMs };
      const key = counterKey(row);
      added.set(key, sum(added.get(key), { ...row, lastAt }));
    }
  }
  for (const [key, row] of [...added].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (await tx.insert(tables.counters, key, row)) continue;
    tx.put(tables.counters, key, sum(tx.get(tables.counters, key), row));
  }
  return { marked, added: [...added.values()], shard };
}

function sum(before: CounterRow | undefined, row: CounterRow): CounterRow {
  if (before === undefined) return row;
  const times = [before.lastAt, row.lastAt].filter((at) => at !== null);
  const lastAtMs = Math.max(...times.map((at) => at.getTime()));
  return {
    ...row,
    runs: before.runs + row.runs,
    costUsd: before.costUsd + row.costUsd,
    durationMs: before.durationMs + row.durationMs,
    lastAt: times.length === 0 ? null : new Date(lastAtMs),
  };
}

interface Rate {
  readonly definitionId: string;
  readonly day: number;
  readonly ended: number;
  readonly failed: number;
  readonly shard: number;
}

async function report(
  { tx, tables, now }: At,
  { definitionId, day, ended, failed, shard }: Rate,
): Promise<void> {
  const kind = COUNTER_KINDS.reported;
  const row = { definitionId, kind, day, name: "", shard: 0, runs: ended };
  const isNew = await tx.insert(tables.counters, counterKey(row), {
    ...{ ...row, costUsd: 0, durationMs: 0, lastAt: null },
  });
  const definition = tx.get(tables.definitions, definitionId);
  if (!isNew || definition === undefined) return;
  const { workspaceId, name } = definition;
  const change = {
    ...{ id: `${definitionId}-high_failure_rate-${day}`, workspaceId, aggregateId: definitionId },
    ...{ type: "workflows.changes.workflow.high_failure_rate", operation: "high_failure_rate" },
    ...{ aggregateType: "workflow", recordedAt: now.toISOString() },
    payload: {
      ...{ definition_id: definitionId, workspace_id: workspaceId, name },
      day: new Date(day * 86_400_000).toISOString().slice(0, 10),
      ...{ ended_runs: ended, failed_runs: failed },
    },
  };
  tx.shared.lastBatch += 1;
  const id = tx.shared.lastBatch;
  tx.put(tables.batches, String(id), {
    ...{ id, partition: shard, changes: [change], publishedAt: null, createdAt: now },
    counted: null,
  });
}
