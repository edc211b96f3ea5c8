/**
 * Steps long in flight: whose owners are to be asked, and who asks.
 * Boundary: rows only; what is asked is known by egress/reconcile/.
 * Invariants:
 * K1 A step is found through the open runs, so what has ended costs nothing, and no index of step_runs knows of this.
 * K2 A step is claimed by its mark `checked_at`, by the database's clock: of several replicas one gets it, and none
 *    waits for a row that is locked.
 *    Why a mark and no lease of partitions: a replica that dies leaves nothing behind but one interval, all replicas
 *    share the work step by step, and the write is small beside the question that follows it.
 * K3 A page reads the steps of so many runs as have 20,000 together, but of one at least, whatever the runs are.
 * K4 Marks are written for claimed steps alone, one statement a page; a step that ends in time never has one.
 */
import type { StepState } from "../engine/values/run.ts";
import type { Database, Queries, Statement } from "./database.ts";

/** Where a page of open runs ended, in the order of their index. */
export type RunPlace = readonly [versionId: string, runId: string];

/** Before the first open run. */
export const FIRST_RUN: RunPlace = ["", ""];

/** A step without a report for a long time. */
export interface UnreportedStep {
  readonly runId: string;
  readonly stepIndex: number;
}

/** Steps of one page of open runs; `next` reads on, undefined at the end. */
export interface UnreportedPage {
  readonly steps: UnreportedStep[];
  readonly next: RunPlace | undefined;
  /** In how many ms the next one of the page's other steps will be unreported; Infinity: it has no other. */
  readonly moreInMs: number;
}

/** A step whose owners this replica asks; ids that it does not have are "". */
export interface ClaimedCheck extends UnreportedStep {
  readonly workspaceId: string;
  readonly state: StepState;
  readonly objectiveId: string;
  readonly delegationId: string;
  /** Those that are not decided yet. */
  readonly approvalRequestIds: readonly string[];
  /** Whether it waits for a worker. */
  readonly isTask: boolean;
  readonly attempt: number;
}

const RUNS_A_PAGE = 500;
/** Of all runs of a page, open or not. */
const STEPS_READ_A_PAGE = 20_000;
const STEPS_A_PAGE = 200;

// Nobody is asked about what earlier attempts left open.
const HAS_OWNER = `(s.objective_id is not null or s.delegation_id is not null
        or s.approval_request_id is not null
        or s.ticket_ids is not null
          and not coalesce(s.detail -> 'leftOpen' @> to_jsonb(s.ticket_ids), false))`;
/** Since when a step has no report; of one that waits for a worker since its task was given, and null where it has none. */
const SINCE = `case when ${HAS_OWNER} then coalesce(s.checked_at, s.started_at)
        when s.detail -> 'task' ->> 'sinceMs' is not null then greatest(
          coalesce(s.checked_at, s.started_at),
          to_timestamp((s.detail -> 'task' ->> 'sinceMs')::float8 / 1000)) end`;
const before = (quietMs: string) => `now() - ${quietMs}::float8 * interval '1 millisecond'`;

// The limits are part of the text: a planner that cannot see them takes the page for a tenth of all runs.
const FIND: Statement = {
  name: "find_unreported_steps",
  text: `with next as materialized (
      select version_id, id, octet_length(step_marks) as steps from workflow_runs
      where completed_at is null and (version_id, id) > ($1, $2)
      order by version_id, id limit ${RUNS_A_PAGE}
    ), page as materialized (
      select version_id, id from (
        select version_id, id, row_number() over walk as place, sum(steps) over walk as up_to
        from next window walk as (order by version_id, id)) as summed
      where place = 1 or up_to <= $4
    ), place as (
      select version_id, id, (select count(*) from page) = (select count(*) from next)
        and (select count(*) from next) < ${RUNS_A_PAGE} as "isLast"
      from page order by version_id desc, id desc limit 1
    ), open as materialized (
      select s.run_id, s.step_index, ${SINCE} as since
      from page p join step_runs s on s.run_id = p.id where s.completed_at is null
    ), unreported as (
      select run_id, step_index from open where since <= ${before("$3")} limit ${STEPS_A_PAGE}
    )
    select place.version_id as "versionId", place.id as "lastRunId", place."isLast",
      unreported.run_id as "runId", unreported.step_index as "stepIndex",
      (select extract(epoch from min(since) - (${before("$3")})) * 1000
        from open where since > ${before("$3")})::float8 as "moreInMs"
    from place left join unreported on true`,
};

// The step's detail says which requests are decided; an id that a caller recorded is only in its column.
const TICKETS = "coalesce(s.detail -> 'approvals', '[]')";
const OPEN_REQUESTS = `array(
        select t ->> 'requestId' from jsonb_array_elements(${TICKETS}) as t
        where t ->> 'requestId' <> '' and t ->> 'decision' in ('', 'escalated')
        union all select s.approval_request_id where s.approval_request_id is not null
          and not ${TICKETS} @> jsonb_build_array(
            jsonb_build_object('requestId', s.approval_request_id)))`;

const CLAIM: Statement = {
  name: "claim_checks",
  text: `with free as (
      select s.run_id, s.step_index
      from unnest($1::text[], $2::smallint[]) as v(run_id, step_index)
      join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index
      where s.completed_at is null and ${SINCE} <= ${before("$3")} for update of s skip locked)
    update step_runs s set checked_at = clock_timestamp()
    from free where s.run_id = free.run_id and s.step_index = free.step_index
    returning s.run_id as "runId", s.step_index as "stepIndex", s.workspace_id as "workspaceId",
      s.state, coalesce(s.objective_id, '') as "objectiveId",
      coalesce(s.delegation_id, '') as "delegationId",
      ${OPEN_REQUESTS} as "approvalRequestIds",
      s.detail -> 'task' is not null as "isTask", s.retry_count + 1 as attempt`,
};

interface FoundRow {
  readonly versionId: string;
  readonly lastRunId: string;
  readonly isLast: boolean;
  readonly runId: string | null;
  readonly stepIndex: number | null;
  readonly moreInMs: number | null;
}

/**
 * Open steps with an owner among the next open runs, neither begun nor checked for `quietMs`. Of a page that has more
 * of them than fit the rest is found once these are claimed: `next` is then the place it began at.
 */
export async function findUnreported(
  db: Queries,
  after: RunPlace,
  quietMs: number,
  stepsRead = STEPS_READ_A_PAGE,
): Promise<UnreportedPage> {
  const rows = await db.query<FoundRow>(FIND, [...after, quietMs, stepsRead]);
  const steps = rows.flatMap(({ runId, stepIndex }) =>
    runId === null || stepIndex === null ? [] : [{ runId, stepIndex }],
  );
  const [place] = rows;
  const moreInMs = place?.moreInMs ?? Number.POSITIVE_INFINITY;
  if (steps.length >= STEPS_A_PAGE) return { steps, next: after, moreInMs };
  const isEnd = place === undefined || place.isLast;
  return { steps, next: isEnd ? undefined : [place.versionId, place.lastRunId], moreInMs };
}

/** Claims those of the steps that still have no report and that no other replica claimed, and gives them. */
export function claimChecks(
  database: Database,
  steps: readonly UnreportedStep[],
  quietMs: number,
): Promise<ClaimedCheck[]> {
  const runIds = steps.map(({ runId }) => runId);
  const indexes = steps.map(({ stepIndex }) => stepIndex);
  return database.transaction((tx) => tx.query<ClaimedCheck>(CLAIM, [runIds, indexes, quietMs]));
}
