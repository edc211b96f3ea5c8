/**
 * Reports that came before their object's id, and the steps that know the id by now: they wait for it, or left it open.
 * Boundary: reads only; what a page is good for is the caller's matter.
 */
import type { Queries, Statement } from "../database.ts";

/** A step that knows the id of an object that was reported about before. */
interface MissedReport {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  /** Id of the objective, delegation or approval request. */
  readonly id: string;
}

/** Steps of one page of reports; `next` reads on, undefined at the end. */
export interface MissedPage {
  readonly missed: MissedReport[];
  readonly next: number | undefined;
}

interface Row {
  readonly last: number | null;
  readonly rows: number;
  readonly runId: string | null;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly id: string;
}

const stepsWhere = (condition: string) => `
      select r.object_id, s.run_id, s.workspace_id, s.step_index
      from page r join step_runs s on ${condition} and s.workspace_id = r.workspace_id
        and (s.completed_at is null or s.detail -> 'leftOpen' ? r.object_id)`;
const stepsBy = (column: string) => stepsWhere(`s.${column} = r.object_id`);
const STEPS_BY_OTHER_ID = stepsWhere(
  "s.ticket_ids @> array[r.object_id] and s.ticket_ids is not null",
);

const LIST: Statement = {
  name: "list_missed_reports",
  text: `with page as materialized (
      select seq, workspace_id, object_id from early_reports
      where seq > $1 and arrived_at > now() - $2::float8 * interval '1 second'
      order by seq limit $3
    ), steps as (${stepsBy("objective_id")}
      union ${stepsBy("delegation_id")}
      union ${stepsBy("approval_request_id")}
      union ${STEPS_BY_OTHER_ID}
    )
    select p.last, p.rows, s.run_id as "runId", s.workspace_id as "workspaceId",
      s.step_index as "stepIndex", s.object_id as id
    from (select max(seq) as last, count(*)::int as rows from page) as p left join steps s on true`,
};

/** Steps that the next `limit` reports after a place are about, of those that came within the last `ageSeconds`. */
export async function listMissedReports(
  db: Queries,
  after: number,
  ageSeconds: number,
  limit: number,
): Promise<MissedPage> {
  const rows = await db.query<Row>(LIST, [after, ageSeconds, limit]);
  const [first] = rows;
  return {
    missed: rows.flatMap(({ runId, workspaceId, stepIndex, id }) =>
      runId === null ? [] : [{ runId, workspaceId, stepIndex, id }],
    ),
    next: first === undefined || first.rows < limit ? undefined : (first.last ?? undefined),
  };
}
