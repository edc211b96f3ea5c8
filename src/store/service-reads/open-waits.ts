/**
 * Waits for events that are open, page by page.
 * Boundary: reads only; what a page is good for is the caller's matter.
 */
import type { EventWait, StepDetail } from "../../engine/values/step-detail.ts";
import type { Queries, Statement } from "../database.ts";

/** A wait that is open; "" = any. */
export interface OpenWait {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly typePattern: string;
  readonly subjectPattern: string;
  /** What its filter asks of events (engine/matching/equality.ts), "" = nothing that is known. */
  readonly equals: string;
  /** Events that arrived at or after this time count. */
  readonly sinceMs: number;
}

/** A page of waits; `next` reads on, undefined at the end. */
export interface WaitPage {
  readonly waits: OpenWait[];
  readonly next: WaitPlace | undefined;
}

/** Where a page ended: waits come in the order in which their steps started. */
export type WaitPlace = readonly [startedAt: Date, runId: string, stepIndex: number];

interface WaitRow {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly startedAt: Date;
  readonly equals: string;
  readonly detail: StepDetail | null;
  readonly runCreatedAt: Date;
}

/** Before the first wait. */
export const FIRST_WAIT: WaitPlace = [new Date(0), "", -1];

// By the index of open waits by their start, so that a page of young ones passes over none of the old ones, however many
// they are. One bound and not two: Postgres begins at the bound of the place, and would compare each row with the other. A
// planner that does not see the limit would join all runs at once: each run is looked up by itself.
const PLACE = "s.started_at, s.run_id, s.step_index";

const LIST: Statement = {
  name: "list_open_waits",
  text: `with page as materialized (
      select s.run_id, s.workspace_id, s.step_index, s.started_at, s.wait_equals, s.detail
      from step_runs s
      where s.wait_key is not null and (${PLACE})
        > (greatest($1::timestamptz, now() - $4::float8 * interval '1 second'), $2, $3)
      order by ${PLACE} limit $5
    )
    select s.run_id as "runId", s.workspace_id as "workspaceId", s.step_index as "stepIndex",
      s.started_at as "startedAt", coalesce(s.wait_equals, '') as equals, s.detail,
      r.created_at as "runCreatedAt"
    from page s cross join lateral (
      select created_at from workflow_runs where id = s.run_id offset 0
    ) as r
    order by ${PLACE}`,
};

/** The wait of a step whose run was created at `createdAtMs`. */
export function openWaitOf(
  place: Pick<OpenWait, "runId" | "workspaceId" | "stepIndex" | "equals">,
  { typePattern = "", subjectPattern = "", sinceMs }: EventWait,
  createdAtMs: number,
): OpenWait {
  return { ...place, typePattern, subjectPattern, sinceMs: sinceMs ?? createdAtMs };
}

/** The next `limit` waits after a place that opened within the last `ageSeconds`. */
export async function listOpenWaits(
  db: Queries,
  after: WaitPlace,
  ageSeconds: number,
  limit: number,
): Promise<WaitPage> {
  const rows = await db.query<WaitRow>(LIST, [...after, ageSeconds, limit]);
  const last = rows.length < limit ? undefined : rows.at(-1);
  return {
    waits: rows.flatMap(({ detail, runCreatedAt, startedAt: _, ...place }) =>
      detail?.wait === undefined ? [] : [openWaitOf(place, detail.wait, runCreatedAt.getTime())],
    ),
    next: last && [last.startedAt, last.runId, last.stepIndex],
  };
}
