/**
 * Open items of people, as part of the statement that saves a batch (save-batch.ts).
 * Boundary: text and rows; which items a step has is the engine's (engine/steps/person-items.ts).
 * Invariant: after a commit that changes a step that asks people, its items are those that the commit names.
 */
import type { PersonItem, PersonItemKind } from "../engine/steps/person-items.ts";

/** A step that asks people, with all its open items. */
export interface InboxStep {
  readonly runId: string;
  readonly stepIndex: number;
  readonly workspaceId: string;
  /** For those that are new. */
  readonly openedAt: Date;
  readonly items: readonly PersonItem[];
}

/** The numbers of kinds in rows. */
export const ITEM_KINDS: Readonly<Record<PersonItemKind, number>> = {
  approval: 1,
  task: 2,
  held: 3,
};

const STEPS = `v("runId" text, "stepIndex" smallint, "workspaceId" text, "openedAt" timestamptz,
    items jsonb)`;

/** Closes the items that a step has no more and opens those that it has now, by the rows in one parameter. */
export function saveInbox(rows: string): string {
  return `closed_items as (
    delete from inbox_items i using jsonb_to_recordset(${rows}::jsonb) as ${STEPS}
    where i.run_id = v."runId" and i.step_index = v."stepIndex" and not exists (
      select 1 from jsonb_to_recordset(v.items) as o(place smallint) where o.place = i.place)
  ), opened_items as (
    insert into inbox_items (opened_at, step_index, place, kind, run_id, workspace_id, assignee)
    select v."openedAt", v."stepIndex", o.place,
      case o.kind when 'approval' then ${ITEM_KINDS.approval} when 'task' then ${ITEM_KINDS.task}
        else ${ITEM_KINDS.held} end,
      v."runId", v."workspaceId", o.assignee
    from jsonb_to_recordset(${rows}::jsonb) as ${STEPS}
    cross join jsonb_to_recordset(v.items) as o(place smallint, kind text, assignee text)
    on conflict (run_id, step_index, place) do nothing)`;
}
