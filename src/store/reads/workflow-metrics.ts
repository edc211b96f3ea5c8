/**
 * Metrics of workflows from their counters: one statement for a page of them.
 * Boundary: sums over the shards; whose workflows are asked is decided by who listed them, and applied again.
 */
import { RUN_STATES, type RunState } from "../../engine/values/run.ts";
import type { Queries } from "../database.ts";
import { ALL_DAYS, COUNTER_KINDS, FAILURES, TODAY } from "../run-counts.ts";
import type { RunOutcome } from "./search-outcomes.ts";
import { querySeen, seenWithin, type Visibility } from "./visibility.ts";

/** What List shows of a workflow's runs. */
export interface WorkflowMetrics {
  readonly lastRunAt: Date | null;
  readonly lastRunOutcome: RunOutcome | null;
  readonly runs7d: number;
  /** From 0 to 1; null: no run ended. */
  readonly successRate30d: number | null;
  readonly runCount: number;
  readonly successCount: number;
  readonly failureCount: number;
  /** Exact to OPEN_AT_MOST. */
  readonly openRuns: number;
  readonly costUsd30d: number;
  /** Newest first. */
  readonly recentRuns: readonly RecentRun[];
}

/** One of the newest runs. */
interface RecentRun {
  readonly id: string;
  readonly state: RunState;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

type MetricsRow = { readonly [Key in keyof WorkflowMetrics]: WorkflowMetrics[Key] } & {
  readonly definitionId: string;
};

const OPEN_AT_MOST = 1_000;
const RECENT_AT_MOST = 10;
const NEWEST = "order by created_at desc nulls last, id desc nulls last";
const OPEN_STATES = RUN_STATES.filter(
  (state) => !["COMPLETED", "FAILED", "CANCELLED"].includes(state),
);
const { started, ended } = COUNTER_KINDS;
const FAILED = FAILURES.map((outcome) => `'${outcome}'`).join(", ");

// The days are asked for beside the sums of all days, so that each is a range of the key. A range of the index of runs for each state.
// Rows of counters are summed up as float8: sums of bigint are numeric, which takes several times as long. The day is computed once.
const SINCE = (days: number) => `(select ${TODAY} - ${days})`;
const FIND = seenWithin(
  "find_workflow_metrics",
  (
    condition,
  ) => `select d.id as "definitionId", total.last_run_at as "lastRunAt", total.last_outcome as "lastRunOutcome",
      total.runs as "runCount", total.succeeded as "successCount", total.failed as "failureCount",
      days.runs as "runs7d", days.rate as "successRate30d", days.cost as "costUsd30d", open.runs as "openRuns",
      recent.runs as "recentRuns"
    from unnest($1::text[]) as wanted(id)
    cross join lateral (select id, workspace_id from workflow_definitions where id = wanted.id offset 0) as d
    cross join lateral (
      select coalesce(sum(w.runs::float8) filter (where w.kind = ${started}), 0) as runs,
        coalesce(sum(w.runs::float8) filter (where w.kind = ${ended} and w.name = 'SUCCEEDED'), 0) as succeeded,
        coalesce(sum(w.runs::float8) filter (where w.kind = ${ended} and w.name in (${FAILED})), 0) as failed,
        max(w.last_at) filter (where w.kind = ${started}) as last_run_at,
        (array_agg(w.name order by w.last_at desc nulls last)
          filter (where w.kind = ${ended} and w.runs > 0))[1] as last_outcome
      from workflow_counters w
      where w.definition_id = d.id and w.kind in (${started}, ${ended}) and w.day = ${ALL_DAYS}
    ) as total
    cross join lateral (
      select coalesce(sum(w.runs::float8) filter (where w.kind = ${started} and w.day > ${SINCE(7)}), 0) as runs,
        sum(w.runs::float8) filter (where w.kind = ${ended} and w.name = 'SUCCEEDED')
          / nullif(sum(w.runs::float8) filter (where w.kind = ${ended}), 0) as rate,
        coalesce(sum(w.cost_usd), 0)::float8 as cost
      from workflow_counters w
      where w.definition_id = d.id and w.kind in (${started}, ${ended}) and w.day > ${SINCE(30)}
    ) as days
    cross join lateral (
      select count(*)::float8 as runs from (
        select 1 from unnest(array['${OPEN_STATES.join("','")}']) as of_state(state) cross join lateral (
          select 1 from workflow_runs r
          where r.workspace_id = d.workspace_id and r.definition_id = d.id and r.state = of_state.state
          limit ${OPEN_AT_MOST}) as each
        limit ${OPEN_AT_MOST}) as counted
    ) as open
    cross join lateral (
      select coalesce(json_agg(json_build_object('id', id, 'state', state,
        'createdAtMs', round(extract(epoch from created_at) * 1000)::float8) ${NEWEST}), '[]') as runs
      from (
        select of_one.* from unnest(array['${RUN_STATES.join("','")}']) as of_state(state) cross join lateral (
          select r.id, r.state, r.created_at from workflow_runs r
          where r.workspace_id = d.workspace_id and r.definition_id = d.id and r.state = of_state.state
          ${NEWEST} limit ${RECENT_AT_MOST}) as of_one
        ${NEWEST} limit ${RECENT_AT_MOST}) as newest
    ) as recent
    where ${condition}`,
  "d.workspace_id = $2",
);

/** The metrics of these workflows that are seen, by their ids. */
export async function findWorkflowMetrics(
  db: Queries,
  visibility: Visibility,
  ids: readonly string[],
): Promise<Map<string, WorkflowMetrics>> {
  if (ids.length === 0) return new Map();
  const rows = await querySeen<MetricsRow>(db, visibility, FIND, [ids]);
  return new Map(rows.map((row) => [row.definitionId, row]));
}
