/**
 * What has fallen due by the database's clock: timers of steps, deadlines of runs.
 * Boundary: reads only. Nothing is claimed; who submits a timer twice is told by the engine that nothing is due.
 */
import type { Queries, Statement } from "../database.ts";

/** A step's timer, or with `stepIndex` null the deadline of a run. */
export interface Due {
  readonly runId: string;
  readonly stepIndex: number | null;
  readonly dueAt: Date;
}

// `now()` and not `clock_timestamp()`: only a value that is fixed for the statement is looked up in an index.
const FIND_DUE: Statement = {
  name: "find_due",
  text: `(select s.run_id as "runId", s.step_index as "stepIndex", s.due_at as "dueAt"
      from step_runs s
      where s.due_at <= now() and not exists (
        select 1 from unnest($2::text[], $3::smallint[], $4::timestamptz[]) as k(run_id, step, at)
        where k.run_id = s.run_id and k.step = s.step_index and k.at = s.due_at)
      order by s.due_at limit $1)
    union all
    (select r.id, null, r.deadline_at from workflow_runs r
      where r.deadline_at <= now() and r.completed_at is null and r.state <> 'COMPENSATING'
        and not exists (
          select 1 from unnest($2::text[], $3::smallint[], $4::timestamptz[]) as k(run_id, step, at)
          where k.run_id = r.id and k.step is null and k.at = r.deadline_at)
      order by r.deadline_at limit $1)`,
};

/** Timers and deadlines that are due, at most `limit` of each, the oldest first, without those to leave out. */
export function findDue(db: Queries, limit: number, without: readonly Due[]): Promise<Due[]> {
  const runIds = without.map(({ runId }) => runId);
  const indexes = without.map(({ stepIndex }) => stepIndex);
  const times = without.map(({ dueAt }) => dueAt);
  return db.query<Due>(FIND_DUE, [limit, runIds, indexes, times]);
}
