/**
 * Notices about requests for approval to those who are asked (APPROVALS_URL=builtin with NOTIFICATIONS_URL=builtin).
 * Boundary: rows; the words are builtin/approvals/.
 * Invariants:
 * 1. A notice is due once: the transaction that takes it keeps its notification.
 * 2. There is no reminder of an item that is open no more: the gate may have ended, or begun again, without this request. Gates
 *    of one run have items of the same place.
 */
import type { Statement, Tx } from "./database.ts";

/** A request whose approver is to be notified now. */
export interface DueNotice {
  readonly requestId: string;
  readonly workspaceId: string;
  readonly approver: string;
  readonly actionType: string;
  readonly riskLevel: number;
  readonly itemId: string;
  /** 1 for the first notice, then reminders. */
  readonly number: number;
}

const NOTICES_AT_MOST = 11;

// An aggregate is looked up request by request; `exists` may be planned as a scan of all items.
const IS_OPEN_ITEM = `(select count(*) > 0 from inbox_items i
  join step_runs s on s.run_id = i.run_id and s.step_index = i.step_index
  where i.run_id = split_part(r.item_id, '/', 1) and i.kind = 1
    and i.place::text = split_part(r.item_id, '/', 3)
    and (s.approval_request_id = r.id or s.ticket_ids @> array[r.id])
    and not coalesce(s.detail -> 'leftOpen' ? r.id, false))`;
const TAKE: Statement = {
  name: "take_approval_notices",
  text: `with due as (
      select r.id, r.notices = 0 or ${IS_OPEN_ITEM} as is_wanted from approval_requests r
      where r.decision = 0 and r.notice_at <= now()
      order by r.notice_at limit $1 for update skip locked
    ), taken as (
      update approval_requests r set notices = r.notices + 1,
        notice_at = case when due.is_wanted and r.notices + 1 < ${NOTICES_AT_MOST}
          then now() + r.remind_after_ms * interval '1 millisecond' end
      from due where r.id = due.id
      returning r.*, due.is_wanted
    )
    select id as "requestId", workspace_id as "workspaceId", approver_user_id as approver,
      action_type as "actionType", risk_level as "riskLevel", item_id as "itemId", notices as number
    from taken where is_wanted and (expires_at is null or expires_at > now())`,
};

/** Takes notices that are due. */
export function takeNotices(tx: Tx, limit: number): Promise<DueNotice[]> {
  return tx.query<DueNotice & Row>(TAKE, [limit]);
}

interface Row {
  readonly [column: string]: unknown;
}
