/**
 * How runs ended, in SQL: what a run's state alone does not tell is read from its last change of state.
 * Boundary: the words and where they are found; whose runs are asked is search-runs.ts.
 */
import { type SQL, sql } from "drizzle-orm";
import type { RunState } from "../../engine/values/run.ts";
import { RUN_END } from "../packed-moves.ts";

/** How a run ended. */
export const RUN_OUTCOMES = [
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "CANCELLED",
  "COMPENSATED",
  "COMPENSATION_FAILED",
] as const;

/** One of them. */
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

const STATES: Readonly<Record<RunOutcome, RunState>> = {
  SUCCEEDED: "COMPLETED",
  FAILED: "FAILED",
  TIMED_OUT: "FAILED",
  CANCELLED: "CANCELLED",
  COMPENSATED: "FAILED",
  COMPENSATION_FAILED: "FAILED",
};

/** After its end a run has rows for late results alone; its end is looked for in so many. */
const ROWS_AT_MOST = 20;

const number = (value: number) => sql.raw(`'${value}'`);

/**
 * How the FAILED run `e` ended; null: its end is not among the newest rows of its history. Rows are read from the newest one on, until one
 * has the end.
 */
const OF_FAILED = sql`(select case
    when move->>1 = ${number(RUN_END.compensating)} and move->>3 = ${number(RUN_END.compensated)} then 'COMPENSATED'
    when move->>1 = ${number(RUN_END.compensating)} then 'COMPENSATION_FAILED'
    when move->4->>'w' = 'deadline' then 'TIMED_OUT'
    else 'FAILED' end
  from (
    select m.seq, m.moves from run_moves m where m.run_id = e.id order by m.seq desc limit ${sql.raw(String(ROWS_AT_MOST))}
  ) as newest cross join lateral (
    select move from json_array_elements(newest.moves) with ordinality as of_run(move, place)
    where move->>0 = ${number(RUN_END.ofRun)} and move->>2 = ${number(RUN_END.failed)}
    order by place desc limit 1) as ended
  order by newest.seq desc limit 1)`;

/** The states of runs that ended so. */
export function statesOfOutcomes(outcomes: readonly RunOutcome[]): ReadonlySet<RunState> {
  return new Set(outcomes.map((outcome) => STATES[outcome]));
}

/** What a run `e` in one of these states has to fulfil besides; none where its state tells enough. */
export function outcomeConditions(outcomes: readonly RunOutcome[]): SQL[] {
  const ofFailed = RUN_OUTCOMES.filter((outcome) => STATES[outcome] === "FAILED");
  const asked = ofFailed.filter((outcome) => outcomes.includes(outcome));
  if (asked.length === 0 || asked.length === ofFailed.length) return [];
  const words = sql.join(
    asked.map((outcome) => sql`${outcome}`),
    sql`, `,
  );
  return [sql`(e.state <> 'FAILED' or coalesce(${OF_FAILED}, 'FAILED') in (${words}))`];
}
