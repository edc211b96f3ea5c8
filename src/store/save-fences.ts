/**
 * What a statement that saves a batch requires of the database before it writes (save-batch.ts, S4).
 * Boundary: text and values; the error of a fence is recognised by isUnknownSetting and isDivisionByZero (pg-errors.ts).
 */
import type { RunVersion, StepVersion } from "./lock-runs.ts";

/** What must be in the database as it is known. */
export interface BatchFences {
  /** The stored runs of the batch. */
  readonly runs: readonly RunVersion[];
  /** Rows of steps, beside those that are changed. */
  readonly steps: readonly StepVersion[];
  /** Calls whose results the batch has: each still waits for one. */
  readonly openCalls: readonly string[];
}

/**
 * The row of a run or step was written by another transaction after it was read, or another one has locked the run: nothing
 * was saved of what was made of it.
 */
export class StaleRows extends Error {
  override readonly name = "StaleRows";
}

/** $1 to $8 of each statement. */
export const FIXED_VALUES = 8;

/** Their values. */
export function fixedValuesOf({
  moves,
  fences,
  changedSteps,
}: {
  readonly moves: readonly { readonly partition: number }[];
  readonly fences: BatchFences;
  readonly changedSteps: readonly unknown[];
}): unknown[] {
  const { runs, steps, openCalls } = fences;
  return [
    [...new Set(moves.map(({ partition }) => partition))],
    runs.map(({ runId }) => runId),
    runs.map(({ rowVersion }) => rowVersion),
    changedSteps.length,
    steps.map(({ runId }) => runId),
    steps.map(({ index }) => index),
    steps.map(({ rowVersion }) => rowVersion),
    openCalls,
  ];
}

/** 1 where the condition holds. Where it does not, the statement fails: it reads a setting whose name does not exist, as SQL has no RAISE. */
function oneIf(condition: string, otherwise: string): string {
  return `case when ${condition} then 1 else current_setting('${otherwise}')::integer end`;
}

const STALE_STEPS = "workflows.step_was_changed_since_it_was_read";

/** Fails when fewer rows of steps were changed than the batch has. */
export function requireSteps(changed: string): string {
  return oneIf(`(select count(*) from ${changed}) = $4::integer`, STALE_STEPS);
}

const STALE_RUNS = "workflows.run_was_locked_or_changed_since_it_was_read";
const HOLDS = `(select count(*) from held) = cardinality($2::text[])
    and not exists (select from unnest($5::text[], $6::smallint[], $7::text[]) as w(run_id, step_index, version)
      join step_runs s on s.run_id = w.run_id and s.step_index = w.step_index where s.xmin::text <> w.version)
    and (select count(*) from effects e where e.id = any($8::text[])) = cardinality($8::text[])`;
// The newest version of a row is locked, and compared. Where another transaction holds a lock nothing waits.
/** Parts of the statement; `fence` has one row, once the runs are locked and all holds. */
export const FENCES = `held as (
  select from unnest($2::text[], $3::text[]) as v(id, version) join workflow_runs r on r.id = v.id
  where r.xmin::text = v.version for update of r skip locked), fence as materialized (
  select ${oneIf(HOLDS, STALE_RUNS)} as holds)`;

/** The batch begins a run of a workflow of which no run may begin, or one whose limit was not looked at: nothing was saved. */
export class ClosedWorkflow extends Error {
  override readonly name = "ClosedWorkflow";
}

/**
 * Holds for a new run `v` of a workflow that is not closed, and that has no limit where the run has no key; for another one the statement
 * divides by zero. It looks with a row lock: see closed-workflows.ts. A rerun was allowed when its plan was taken: it has the undo of the
 * older run by now.
 */
export const MAY_BEGIN = `1 / case
  when v.rerun is null and exists (select from closed_workflows c
    where c.definition_id = v."definitionId" for key share of c) then 0
  when v."concurrencyKey" is null and exists (select from workflow_limits l
    where l.definition_id = v."definitionId" and l.max_open_runs > 0) then 0
  else 1 end = 1`;
