/**
 * Runs with all that is stored about them, in pages by their ids.
 * Boundary: reads; the checks judge. Payloads are left in the database.
 */

import type { Cause } from "../../src/engine/values/input.ts";
import type { Move } from "../../src/engine/values/move.ts";
import { stateOfMark } from "../../src/engine/values/run.ts";
import { type PackedRow, unpackRow } from "../../src/store/packed-moves.ts";
import type { Snapshot } from "./snapshot.ts";

/** A row of workflow_runs. */
export interface RunFacts {
  readonly id: string;
  readonly workspace_id: string;
  readonly version_id: string;
  readonly state: string;
  readonly seq: number;
  readonly total_cost_usd: number;
  readonly step_marks: Buffer;
  readonly trigger_type: string;
  readonly trigger_event_id: string;
  readonly created_at: Date;
  readonly deadline_at: Date | null;
  readonly continue_at: Date | null;
  readonly pending: readonly number[] | null;
}

/** A row of step_runs. */
export interface StepFacts {
  readonly run_id: string;
  readonly step_index: number;
  readonly state: string;
  readonly retry_count: number;
  readonly cost_usd: number;
  readonly objective_id: string | null;
  readonly delegation_id: string | null;
  readonly approval_request_id: string | null;
  readonly ticket_ids: readonly string[] | null;
  readonly wait_key: string | null;
  readonly due_at: Date | null;
  readonly started_at: Date;
}

/** A row of effects: a call without a result. */
export interface CallFacts {
  readonly id: string;
  readonly run_id: string;
  readonly kind: string;
  readonly attempt: number;
  readonly step_index: number;
  readonly holder: string;
  readonly created_at: Date;
  readonly lease_until: Date;
}

/** A row of the history, unpacked. */
export interface HistoryFacts {
  readonly seq: number;
  readonly batchId: number;
  readonly recordedAt: Date;
  readonly cause: Cause;
  readonly moves: readonly Move[];
}

/** What a version says of a step. */
export interface StepWords {
  readonly id: string;
  readonly stepType: string;
  readonly timeoutSeconds: number;
  readonly delaySeconds: number;
  readonly backoffSeconds: number;
  readonly multiplier: number;
}

/** A child run that has not ended. */
export interface ChildFacts {
  readonly run_id: string;
  readonly step_index: number;
  readonly child_run_id: string;
}

/** One run. */
export interface RunPicture {
  readonly run: RunFacts;
  /** By the marks of the run. */
  readonly markedStates: readonly string[];
  readonly words: readonly StepWords[];
  readonly steps: readonly StepFacts[];
  readonly calls: readonly CallFacts[];
  readonly history: readonly HistoryFacts[];
  /** Why the history cannot be read; undefined: it can. */
  readonly unreadable: string | undefined;
  /** Child runs that its steps have open. */
  readonly openChildren: readonly ChildFacts[];
}

type HistoryRow = PackedRow & {
  readonly run_id: string;
  readonly seq: number;
  readonly batch_id: number;
  readonly recorded_at: Date;
};

const RUNS_A_PAGE = 100;
const VERSIONS_KEPT = 500;
const RUNS = `select id, workspace_id, version_id, state, seq, total_cost_usd, step_marks, trigger_type,
    trigger_event_id, created_at, deadline_at, continue_at, pending
  from workflow_runs where id > $1 and ($3::text = '' or state = any(string_to_array($3, ',')))
  order by id limit $2`;
const STEPS = `select run_id, step_index, state, retry_count, cost_usd, objective_id, delegation_id,
    approval_request_id, ticket_ids, wait_key, due_at, started_at
  from step_runs where run_id = any($1) order by run_id, step_index`;
const MOVES = `select run_id, seq, batch_id, recorded_at, cause, moves
  from run_moves where run_id = any($1) order by run_id, seq`;
const CALLS = `select e.id, r.id as run_id, e.kind, e.attempt, e.step_index, e.holder, e.created_at, e.lease_until
  from unnest($1::text[]) as r(id) join effects e on e.id > r.id || '/' and e.id < r.id || '0'`;
const CHILDREN = `select c.run_id, c.step_index, c.child_run_id from child_runs c join workflow_runs r on r.id = c.child_run_id
  where c.run_id = any($1) and r.completed_at is null`;
const VERSIONS = `select v.id, s->>'id' as step, s->>'stepType' as "stepType",
    coalesce((s->>'timeoutSeconds')::float8, 0) as "timeoutSeconds",
    s->'config'->>'delay_seconds' as delay,
    coalesce(nullif(s->'retryPolicy', 'null'), v.default_retry_policy) as retry
  from workflow_versions v cross join lateral jsonb_array_elements(v.steps) with ordinality as e(s, place)
  where v.id = any($1) order by v.id, place`;

/** Reads all runs, or those in some states, page after page. */
export async function* readRuns(
  snapshot: Snapshot,
  states: readonly string[] = [],
): AsyncGenerator<RunPicture> {
  const versions = new Map<string, StepWords[]>();
  for (let after = ""; ; ) {
    const runs = await snapshot.query<RunFacts>(RUNS, [after, RUNS_A_PAGE, states.join(",")]);
    yield* await picturesOf(snapshot, runs, versions);
    const last = runs.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function picturesOf(
  snapshot: Snapshot,
  runs: readonly RunFacts[],
  versions: Map<string, StepWords[]>,
): Promise<RunPicture[]> {
  if (runs.length === 0) return [];
  const ids = runs.map(({ id }) => id);
  await loadVersions(snapshot, runs, versions);
  const steps = byRun(await snapshot.query<StepFacts>(STEPS, [ids]));
  const moves = byRun(await snapshot.query<HistoryRow>(MOVES, [ids]));
  const calls = byRun(await snapshot.query<CallFacts>(CALLS, [ids]));
  const children = byRun(await snapshot.query<ChildFacts>(CHILDREN, [ids]));
  return runs.map((run) => ({
    run,
    markedStates: [...run.step_marks].map(stateName),
    words: versions.get(run.version_id) ?? [],
    steps: steps.get(run.id) ?? [],
    calls: calls.get(run.id) ?? [],
    openChildren: children.get(run.id) ?? [],
    ...unpack(run.id, moves.get(run.id) ?? []),
  }));
}

function unpack(
  runId: string,
  rows: readonly HistoryRow[],
): Pick<RunPicture, "history" | "unreadable"> {
  const history: HistoryFacts[] = [];
  for (const row of rows) {
    const { seq, batch_id: batchId, recorded_at: recordedAt } = row;
    try {
      history.push({ seq, batchId, recordedAt, ...unpackRow(runId, row) });
    } catch (error) {
      return { history, unreadable: `row ${seq}: ${String(error)}` };
    }
  }
  return { history, unreadable: undefined };
}

async function loadVersions(
  snapshot: Snapshot,
  runs: readonly RunFacts[],
  versions: Map<string, StepWords[]>,
): Promise<void> {
  if (versions.size > VERSIONS_KEPT) versions.clear();
  const wanted = new Set(runs.map((run) => run.version_id).filter((id) => !versions.has(id)));
  if (wanted.size === 0) return;
  const rows = await snapshot.query<{
    id: string;
    step: string;
    stepType: string;
    timeoutSeconds: number;
    delay: string | null;
    retry: Readonly<Record<string, unknown>> | null;
  }>(VERSIONS, [[...wanted]]);
  for (const { id, step, stepType, timeoutSeconds, delay, retry } of rows) {
    const words = versions.get(id) ?? [];
    const backoffSeconds = Number(retry?.backoffSeconds ?? 0);
    const multiplier = Number(retry?.backoffMultiplier ?? 1);
    // A delay with an expression is known to the run alone.
    const delaySeconds = Number(delay ?? 0) || 0;
    words.push({ id: step, stepType, timeoutSeconds, delaySeconds, backoffSeconds, multiplier });
    versions.set(id, words);
  }
}

function byRun<T extends { readonly run_id: string }>(rows: readonly T[]): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const row of rows) {
    const group = grouped.get(row.run_id);
    if (group === undefined) grouped.set(row.run_id, [row]);
    else group.push(row);
  }
  return grouped;
}

function stateName(mark: number): string {
  try {
    return stateOfMark(mark);
  } catch {
    return `mark ${mark}`;
  }
}
