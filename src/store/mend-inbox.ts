/**
 * Items of the inbox beside the steps that they are of: what a replica of a release before the inbox has left or left out.
 * Boundary: rows; which items a step has is the engine's, and runtime/mend-inbox.ts compares.
 * Invariants:
 * 1. Items are mended while their run's row is locked, and by its steps as they are under the lock: whatever moves a step
 *    holds that lock. A run that is locked elsewhere is left for the next sweep.
 * 2. Each page is bounded in rows.
 */
import type { PersonItem } from "../engine/steps/person-items.ts";
import type { StepState } from "../engine/values/run.ts";
import type { StepDetail } from "../engine/values/step-detail.ts";
import type { RunPlace } from "./checks.ts";
import type { Statement, Tx } from "./database.ts";
import { ITEM_KINDS } from "./inbox.ts";

/** A step that may ask people, and the places of its items. */
export interface ListedStep {
  readonly runId: string;
  readonly stepIndex: number;
  readonly versionId: string;
  readonly state: StepState;
  readonly detail: StepDetail | null;
  readonly retryCount: number;
  readonly approvalRequestId: string | null;
  readonly places: readonly number[];
}

/** Where a page of items ended. */
export type ItemKey = readonly [runId: string, stepIndex: number, place: number];

/** Before the first item. */
export const FIRST_ITEM: ItemKey = ["", 0, 0];

/** An item that is missing. */
export interface MissingItem extends Pick<ListedStep, "runId" | "stepIndex"> {
  readonly item: PersonItem;
}

/** Each item, and each run, may be of a version of its own, which has to be read. */
const ITEMS_A_PAGE = 100;
const RUNS_A_PAGE = 50;
/** More than a version has. */
const STEPS_OF_A_RUN = 10_000;

const STEP = `s.run_id as "runId", s.step_index as "stepIndex", r.version_id as "versionId", s.state,
    s.detail, s.retry_count as "retryCount", s.approval_request_id as "approvalRequestId"`;
const PLACES = `array(select i.place from inbox_items i
      where i.run_id = s.run_id and i.step_index = s.step_index order by i.place) as places`;

const FIND_ITEMS: Statement = {
  name: "find_listed_steps",
  text: `with page as materialized (
      select run_id, step_index, place from inbox_items
      where (run_id, step_index, place) > ($1::text, $2::smallint, $3::smallint)
      order by run_id, step_index, place limit ${ITEMS_A_PAGE}
    )
    select p.run_id as "itemRunId", p.step_index as "itemStepIndex", p.place, ${STEP}
    from page p
    left join workflow_runs r on r.id = p.run_id and r.completed_at is null
    left join step_runs s on s.run_id = r.id and s.step_index = p.step_index
    order by p.run_id, p.step_index, p.place`,
};
// A wait for an event never asks people. The limit keeps the look-up in the lateral, whatever the statistics.
const FIND_WAITING: Statement = {
  name: "find_waiting_steps",
  text: `with page as materialized (
      select version_id, id from workflow_runs
      where completed_at is null and (version_id, id) > ($1::text, $2::text)
      order by version_id, id limit ${RUNS_A_PAGE}
    ), last as (
      select version_id, id, (select count(*) from page)::int as runs
      from page order by version_id desc, id desc limit 1
    ), waiting as (
      select p.version_id, s.* from page p cross join lateral (
        select * from step_runs where run_id = p.id and state = 'WAITING' and wait_key is null
        limit ${STEPS_OF_A_RUN}) as s
    )
    select last.version_id as "lastVersionId", last.id as "lastRunId", last.runs,
      ${STEP.replaceAll("r.version_id", "s.version_id")}, ${PLACES}
    from last left join waiting s on true`,
};
const LOCK: Statement = {
  name: "lock_runs_of_items",
  text: `select id from workflow_runs where id = any($1::text[]) order by id for update skip locked`,
};
const FIND_STEPS: Statement = {
  name: "find_steps_of_items",
  text: `select ${STEP}, ${PLACES}
    from workflow_runs r join step_runs s on s.run_id = r.id
    where r.id = any($1::text[]) and r.completed_at is null and s.state = 'WAITING'
      and s.wait_key is null`,
};
const DROP: Statement = {
  name: "drop_orphaned_items",
  text: `delete from inbox_items i
    where i.run_id = any($1::text[]) and not exists (
      select 1 from unnest($2::text[], $3::smallint[], $4::smallint[]) as k(run_id, step_index, place)
      where k.run_id = i.run_id and k.step_index = i.step_index and k.place = i.place)
    returning 1`,
};
// A run that is gone does not come back.
const DROP_OF_GONE: Statement = {
  name: "drop_items_of_gone_runs",
  text: `delete from inbox_items i where i.run_id = any($1::text[])
      and (select count(*) = 0 from workflow_runs r where r.id = i.run_id) returning 1`,
};
const ADD: Statement = {
  name: "add_missing_items",
  text: `insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
    select s.started_at, s.step_index, v.place, v.kind, s.run_id, r.workspace_id, v.assignee
    from unnest($1::text[], $2::smallint[], $3::smallint[], $4::smallint[], $5::text[])
      as v(run_id, step_index, place, kind, assignee)
    join workflow_runs r on r.id = v.run_id
    join step_runs s on s.run_id = v.run_id and s.step_index = v.step_index
    on conflict (run_id, step_index, place) do nothing returning 1`,
};

/** An item with its step; `step` is undefined when its run has ended or is gone. */
export interface ListedItem {
  readonly runId: string;
  readonly place: number;
  readonly step: ListedStep | undefined;
}

/** The items after a place; `next` reads on, undefined at the end. */
export async function findListedItems(
  tx: Tx,
  after: ItemKey,
): Promise<{ readonly items: ListedItem[]; readonly next: ItemKey | undefined }> {
  const rows = await tx.query<ItemRow & Row>(FIND_ITEMS, [...after]);
  const items = rows.map(({ itemRunId, itemStepIndex: _, place, ...step }) => ({
    ...{ runId: itemRunId, place },
    step: isFound(step) ? { ...step, places: [place] } : undefined,
  }));
  const last = rows.length < ITEMS_A_PAGE ? undefined : rows.at(-1);
  return { items, next: last && [last.itemRunId, last.itemStepIndex, last.place] };
}

/** Steps of the next open runs that wait, an event's waits left out; `next` reads on, undefined at the end. */
export async function findWaitingSteps(
  tx: Tx,
  after: RunPlace,
): Promise<{ readonly steps: ListedStep[]; readonly next: RunPlace | undefined }> {
  const rows = await tx.query<WaitingRow & Row>(FIND_WAITING, [...after]);
  const [first] = rows;
  const isEnd = first === undefined || first.runs < RUNS_A_PAGE;
  return {
    steps: rows.filter(isFound),
    next: isEnd ? undefined : [first.lastVersionId, first.lastRunId],
  };
}

/** Locks those of the runs that no other transaction has locked, and gives their steps that wait. */
export async function lockWaitingSteps(
  tx: Tx,
  runIds: readonly string[],
): Promise<{ readonly locked: string[]; readonly steps: ListedStep[] }> {
  const rows = await tx.query<{ id: string }>(LOCK, [[...new Set(runIds)]]);
  const locked = rows.map(({ id }) => id);
  return { locked, steps: await tx.query<ListedStep & Row>(FIND_STEPS, [locked]) };
}

/** Leaves locked runs with these items alone, all that there are; gives how many came and went. */
export async function setItems(
  tx: Tx,
  locked: readonly string[],
  items: readonly MissingItem[],
): Promise<{ readonly added: number; readonly dropped: number }> {
  const runIds = items.map(({ runId }) => runId);
  const indexes = items.map(({ stepIndex }) => stepIndex);
  const places = items.map(({ item }) => item.place);
  const kinds = items.map(({ item }) => ITEM_KINDS[item.kind]);
  const assignees = items.map(({ item }) => item.assignee);
  const dropped = await tx.query(DROP, [locked, runIds, indexes, places]);
  const added = await tx.query(ADD, [runIds, indexes, places, kinds, assignees]);
  return { added: added.length, dropped: dropped.length };
}

/** Drops the items of those of the runs that are gone; gives how many went. */
export async function dropItemsOfGone(tx: Tx, runIds: readonly string[]): Promise<number> {
  return (await tx.query(DROP_OF_GONE, [runIds])).length;
}

interface Row {
  readonly [column: string]: unknown;
}

type MaybeStep = { [K in keyof Omit<ListedStep, "places">]: ListedStep[K] | null };

interface ItemRow extends MaybeStep {
  readonly itemRunId: string;
  readonly itemStepIndex: number;
  readonly place: number;
}

interface WaitingRow extends ListedStep {
  readonly lastVersionId: string;
  readonly lastRunId: string;
  readonly runs: number;
}

function isFound<T extends { readonly runId: string | null }>(row: T): row is T & ListedStep {
  return row.runId !== null;
}
