/**
 * What has fallen due by the database's clock: timers of steps, deadlines of runs.
 * Boundary: reads only. Nothing is claimed: the engine changes nothing for a timer that is submitted twice.
 */
import type { Queries, Statement } from "../database.ts";

/** A step's timer, or with `stepIndex` null the deadline of a run. */
export interface Due {
  readonly runId: string;
  /** Whose run it is: workspaces take turns in the processor. */
  readonly workspaceId: string;
  readonly stepIndex: number | null;
  readonly dueAt: Date;
  /** The step's other timer, due as well: it fires unless the first one ends or changes the step. */
  readonly isSecond: boolean;
}

type DueRow = Omit<Due, "isSecond"> & { readonly laterAt: Date | null };

// `now()` and not `clock_timestamp()`: only a value that is fixed for the statement is looked up in an index.
const FIND_DUE: Statement = {
  name: "find_due",
  text: `(select s.run_id as "runId", s.workspace_id as "workspaceId", s.step_index as "stepIndex", s.due_at as "dueAt",
        case when greatest(s.timeout_at, s.wake_at) between s.due_at and now()
          and s.timeout_at <> s.wake_at then greatest(s.timeout_at, s.wake_at) end as "laterAt"
      from step_runs s
      where s.due_at <= now() and not exists (
        select 1 from unnest($2::text[], $3::smallint[], $4::timestamptz[]) as k(run_id, step, at)
        where k.run_id = s.run_id and k.step = s.step_index and k.at = s.due_at)
      order by s.due_at limit $1)
    union all
    (select r.id, r.workspace_id, null, r.deadline_at, null from workflow_runs r
      where r.deadline_at <= now() and r.completed_at is null and r.state <> 'COMPENSATING'
        and not exists (
          select 1 from unnest($2::text[], $3::smallint[], $4::timestamptz[]) as k(run_id, step, at)
          where k.run_id = r.id and k.step is null and k.at = r.deadline_at)
      order by r.deadline_at limit $1)`,
};

/**
 * Timers and deadlines that are due, about `limit` of each at most, in the order of their times, without those to leave
 * out. Where more of one kind are due than `limit`, nothing that is due after the last one found is given.
 */
export async function findDue(
  db: Queries,
  limit: number,
  without: readonly Pick<Due, "runId" | "stepIndex" | "dueAt">[],
): Promise<Due[]> {
  const runIds = without.map(({ runId }) => runId);
  const indexes = without.map(({ stepIndex }) => stepIndex);
  const times = without.map(({ dueAt }) => dueAt);
  const rows = await db.query<DueRow>(FIND_DUE, [limit, runIds, indexes, times]);
  const untilMs = Math.min(
    horizonMs(
      rows.filter(({ stepIndex }) => stepIndex !== null),
      limit,
    ),
    horizonMs(
      rows.filter(({ stepIndex }) => stepIndex === null),
      limit,
    ),
  );
  return rows
    .flatMap(timersOf)
    .filter(({ dueAt }) => dueAt.getTime() <= untilMs)
    .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
}

function timersOf({ laterAt, ...first }: DueRow): Due[] {
  const due = { ...first, isSecond: false };
  return laterAt === null ? [due] : [due, { ...first, dueAt: laterAt, isSecond: true }];
}

/** Up to when a kind is known: without end, unless there are more of it. */
function horizonMs(rows: readonly DueRow[], limit: number): number {
  if (rows.length < limit) return Number.POSITIVE_INFINITY;
  return Math.max(...rows.map(({ dueAt }) => dueAt.getTime()));
}
