/**
 * Open requests for approval whose run has ended: the contract of approvals has no cancel, so nothing decides them any more
 * (APPROVALS_URL=builtin).
 * Boundary: rows; the run is that of the request's context. A request that names no run stays.
 */
import type { Statement, Tx } from "./database.ts";

/** Where a page of open requests ended, in the order of their index. */
export interface OpenPlace {
  readonly workspaceId: string;
  readonly createdAt: Date;
  readonly id: string;
}

/** Before the first open request. */
export const FIRST_OPEN: OpenPlace = { workspaceId: "", createdAt: new Date(0), id: "" };

const REQUESTS_A_PAGE = 1_000;
// The owner's own callers write the context as JSON. A subquery with an aggregate is looked up request by request.
const RUN_ID = `substring(context_json from '"run_id":[[:space:]]*"([A-Za-z0-9_-]+)"')`;

const DROP: Statement = {
  name: "drop_abandoned_approvals",
  text: `with page as materialized (
      select workspace_id, created_at, id, ${RUN_ID} as run_id from approval_requests
      where decision = 0 and (workspace_id, created_at, id) > ($2::text, $3::timestamptz, $4::text)
      order by workspace_id, created_at, id limit ${REQUESTS_A_PAGE}
    ), old as (select now() - make_interval(days => $1::integer) as at
    ), gone as materialized (
      select p.id from page p, old
      where p.run_id is not null and p.created_at < old.at
        and (select count(*) = 0 from workflow_runs r
          where r.id = p.run_id and (r.completed_at is null or r.completed_at >= old.at))
    ), requests as (
      delete from approval_requests r using gone where r.id = gone.id and r.decision = 0
      returning r.id
    ), decisions as (
      delete from approval_decisions d using requests where d.request_id = requests.id returning 1
    )
    select (select count(*) from requests)::int as dropped, (select count(*) from page)::int as looked,
      last.workspace_id as "workspaceId", last.created_at as "createdAt", last.id
    from (select 1) as one left join lateral (
      select * from page order by workspace_id desc, created_at desc, id desc limit 1) as last on true`,
};

interface DroppedRow {
  readonly [column: string]: unknown;
  readonly dropped: number;
  readonly looked: number;
  readonly workspaceId: string;
  readonly createdAt: Date;
  readonly id: string;
}

/**
 * Drops, of the next open requests, those whose run ended more than `days` ago or is gone, with their escalations; `next`
 * reads on, undefined at the end.
 */
export async function dropAbandonedApprovals(
  tx: Tx,
  days: number,
  after: OpenPlace,
): Promise<{ readonly dropped: number; readonly next: OpenPlace | undefined }> {
  const { workspaceId, createdAt, id } = after;
  const [row] = await tx.query<DroppedRow>(DROP, [days, workspaceId, createdAt, id]);
  if (row === undefined) throw new Error("a count gives no row");
  return { dropped: row.dropped, next: row.looked < REQUESTS_A_PAGE ? undefined : row };
}
