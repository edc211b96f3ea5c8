/**
 * Statistics of one workflow from its counters, day by day.
 * Boundary: sums over the shards, and what is estimated from classes of durations; shares are made of them by ingress/rpc/workflow-stats.ts.
 */
import type { Queries } from "../database.ts";
import { COUNTER_KINDS, quantileMs, startOfDay, TODAY } from "../run-counts.ts";
import type { RunOutcome } from "./search-outcomes.ts";
import { querySeen, seenDefinition, seenWithin, type Visibility } from "./visibility.ts";

/** Runs that started on a day; of the kind `ended` runs that ended so. */
export interface DayCount {
  readonly kind: "started" | "ended";
  /** When the day begins. */
  readonly day: Date;
  readonly outcome: RunOutcome;
  readonly runs: number;
  readonly costUsd: number;
  readonly durationMs: number;
}

/** The counters of a workflow within a window. */
export interface WorkflowStats {
  readonly days: readonly DayCount[];
  /** Half, or 95 of 100, of the runs that ended took no longer; undefined: none ended. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  /** Most first. */
  readonly failingSteps: readonly { readonly stepId: string; readonly runs: number }[];
  /** Since when runs are counted. */
  readonly countedSince: Date | undefined;
  /** When the first day begins. */
  readonly since: Date;
}

interface CountRow {
  readonly [column: string]: unknown;
  readonly kind: number;
  readonly day: number;
  readonly name: string;
  readonly runs: number;
  readonly costUsd: number;
  readonly durationMs: number;
  readonly at: Date | null;
}

const { since, started, ended, duration, failedStep } = COUNTER_KINDS;
const STEPS_AT_MOST = 50;
const SUMS = `sum(w.runs)::float8 as runs, sum(w.cost_usd)::float8 as "costUsd", sum(w.duration_ms)::float8 as "durationMs"`;
const ofKinds = (kinds: readonly number[]) => `
      w.definition_id = (select id from seen) and w.kind in (${kinds.join(", ")}) and w.day > ${TODAY} - $2::integer`;

const FIND = seenWithin(
  "find_workflow_stats",
  (condition) => `with seen as materialized (${seenDefinition(condition)})
    select w.kind, w.day, w.name, ${SUMS}, null::timestamptz as at
    from workflow_counters w where ${ofKinds([started, ended])} group by w.kind, w.day, w.name
    union all
    select w.kind, 0, w.name, ${SUMS}, null from workflow_counters w
    where ${ofKinds([duration])} group by w.kind, w.name
    union all
    (select w.kind, 0, w.name, ${SUMS}, null from workflow_counters w
    where ${ofKinds([failedStep])} group by w.kind, w.name order by 4 desc, 3 limit ${STEPS_AT_MOST})
    union all
    select ${since}, ${TODAY}, '', 0, 0, 0, (
      select w.last_at from workflow_counters w where w.definition_id = '' and w.kind = ${since} limit 1)`,
  "d.workspace_id = $3",
);

/** The counters of the last `days` days; none of a workflow that is not seen. */
export async function findWorkflowStats(
  db: Queries,
  visibility: Visibility,
  definitionId: string,
  days: number,
): Promise<WorkflowStats> {
  const rows = await querySeen<CountRow>(db, visibility, FIND, [definitionId, days]);
  const last = rows.find(({ kind }) => kind === since);
  if (last === undefined) throw new Error("the query find_workflow_stats returned no last row");
  const durations = new Map(
    rows.flatMap(({ kind, name, runs }): [number, number][] =>
      kind === duration ? [[Number(name), runs]] : [],
    ),
  );
  return {
    days: rows.flatMap(({ kind, day, name, runs, costUsd, durationMs }) => {
      if (kind !== started && kind !== ended) return [];
      const word = kind === started ? "started" : "ended";
      const outcome = name as RunOutcome;
      return [{ kind: word, day: startOfDay(day), outcome, runs, costUsd, durationMs }];
    }),
    p50Ms: quantileMs(durations, 0.5),
    p95Ms: quantileMs(durations, 0.95),
    failingSteps: rows
      .filter(({ kind, runs }) => kind === failedStep && runs > 0)
      .map(({ name, runs }) => ({ stepId: name, runs }))
      .sort((a, b) => b.runs - a.runs || (a.stepId < b.stepId ? -1 : 1)),
    countedSince: last.at ?? undefined,
    since: startOfDay(last.day - days + 1),
  };
}
