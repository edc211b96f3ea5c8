/**
 * How soon something falls due next: a timer or deadline, a slot of a schedule, pending work of a run, a missed trigger, a run that waits
 * for its turn.
 * Boundary: reads only, one statement. What is due is found by due.ts, due-schedules.ts and unfinished-runs.ts.
 */
import type { Queries, Statement } from "../database.ts";

/** What falls due by the database's clock, in ms from now; 0 or less: it is due. Infinity: nothing before the horizon. */
export interface NextDue {
  readonly timers: number;
  readonly schedules: number;
  readonly runs: number;
  readonly missed: number;
  /** 0 while a run waits: whether there is room for it is found by who begins it. */
  readonly waiting: number;
}

type NextDueRow = { readonly [Kind in keyof NextDue]: number | null };

// The horizon keeps each look-up from the index entries of timers that were set and taken back for a later time.
const soon = (column: string) => `${column} <= now() + $1::float8 * interval '1 millisecond'`;
const inMs = (at: string) => `(extract(epoch from ${at} - now()) * 1000)::float8`;
const STEP = `(select due_at from step_runs where ${soon("due_at")} order by due_at limit 1)`;
const DEADLINE = `(select deadline_at from workflow_runs
        where ${soon("deadline_at")} and completed_at is null and state <> 'COMPENSATING'
        order by deadline_at limit 1)`;
const SLOT = `least((select next_at from schedules where ${soon("next_at")} order by next_at limit 1),
        (select due_at from workflow_schedules where ${soon("due_at")} order by due_at limit 1))`;
const RUN = `(select continue_at from workflow_runs where ${soon("continue_at")}
        order by continue_at limit 1)`;
const MISSED = `(select due_at from missed_triggers where ${soon("due_at")} order by due_at limit 1)`;
// Only where a workflow has a limit, or had one, can a run wait.
const WAITING = `case when (select definition_id from workflow_limits order by definition_id limit 1) is not null then
        (select 0 from workflow_runs where concurrency_key is not null and state = 'PENDING' limit 1) end`;
const FIND: Statement = {
  name: "find_next_due",
  text: `select ${inMs(`least(${STEP}, ${DEADLINE})`)} as timers,
      ${inMs(SLOT)} as schedules, ${inMs(RUN)} as runs,
      ${inMs(MISSED)} as missed, (${WAITING})::float8 as waiting`,
};

/** How soon each kind falls due, of what does within `horizonMs`. */
export async function findNextDue(db: Queries, horizonMs: number): Promise<NextDue> {
  const [row] = await db.query<NextDueRow>(FIND, [horizonMs]);
  return {
    timers: row?.timers ?? Number.POSITIVE_INFINITY,
    schedules: row?.schedules ?? Number.POSITIVE_INFINITY,
    runs: row?.runs ?? Number.POSITIVE_INFINITY,
    missed: row?.missed ?? Number.POSITIVE_INFINITY,
    waiting: row?.waiting ?? Number.POSITIVE_INFINITY,
  };
}
