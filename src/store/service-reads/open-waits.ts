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

/** Where a page ended, in the order of the index. */
export type WaitPlace = readonly [
  /** Of the workspace and the key, a bigint as text. */
  hash: string,
  equals: string,
  runId: string,
  stepIndex: number,
];

interface WaitRow {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly hash: string;
  readonly equals: string;
  readonly detail: StepDetail | null;
  readonly runCreatedAt: Date;
}

/** Before the first wait. */
export const FIRST_WAIT: WaitPlace = [`${-(2n ** 63n)}`, "", "", -1];

const HASH = "hashtextextended(s.workspace_id || ' ' || translate(s.wait_key, '/', '.'), 0)";
const PLACE = `${HASH}, coalesce(s.wait_equals, ''), s.run_id, s.step_index`;

const LIST: Statement = {
  name: "list_open_waits",
  text: `select s.run_id as "runId", s.workspace_id as "workspaceId", s.step_index as "stepIndex",
      (${HASH})::text as hash, coalesce(s.wait_equals, '') as equals, s.detail,
      r.created_at as "runCreatedAt"
    from step_runs s join workflow_runs r on r.id = s.run_id
    where s.wait_key is not null and (${PLACE}) > ($1::bigint, $2, $3, $4)
      and s.started_at > now() - $5::float8 * interval '1 second'
    order by ${PLACE} limit $6`,
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
    waits: rows.flatMap(({ detail, runCreatedAt, hash: _, ...place }) =>
      detail?.wait === undefined ? [] : [openWaitOf(place, detail.wait, runCreatedAt.getTime())],
    ),
    next: last && [last.hash, last.equals, last.runId, last.stepIndex],
  };
}
