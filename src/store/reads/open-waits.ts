/**
 * Waits for events that are open, page by page.
 * Boundary: reads only; what a page is good for is the caller's matter.
 */
import type { EventWait, StepDetail } from "../../engine/run.ts";
import type { Queries, Statement } from "../database.ts";

/** A wait that is open. */
export interface OpenWait {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly wait: EventWait;
}

/** A page of waits; `next` reads on, undefined at the end. */
export interface WaitPage {
  readonly waits: OpenWait[];
  readonly next: WaitPlace | undefined;
}

/** Where a page ended, in the order of the index. */
export type WaitPlace = readonly [
  workspaceId: string,
  waitKey: string,
  runId: string,
  stepIndex: number,
];

interface WaitRow {
  readonly runId: string;
  readonly workspaceId: string;
  readonly stepIndex: number;
  readonly waitKey: string;
  readonly detail: StepDetail | null;
}

/** Before the first wait. */
export const FIRST_WAIT: WaitPlace = ["", "", "", -1];

const LIST: Statement = {
  name: "list_open_waits",
  text: `select run_id as "runId", workspace_id as "workspaceId", step_index as "stepIndex",
      wait_key as "waitKey", detail
    from step_runs
    where wait_key is not null and (workspace_id, wait_key, run_id, step_index) > ($1, $2, $3, $4)
      and started_at > now() - $5::float8 * interval '1 second'
    order by workspace_id, wait_key, run_id, step_index limit $6`,
};

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
    waits: rows.flatMap(({ runId, workspaceId, stepIndex, detail }) =>
      detail?.wait === undefined ? [] : [{ runId, workspaceId, stepIndex, wait: detail.wait }],
    ),
    next: last && [last.workspaceId, last.waitKey, last.runId, last.stepIndex],
  };
}
