/**
 * What the row of an open step says that it waits for, in SQL.
 * Boundary: the words and their order; Explain tells more from calls, the history and what its replica knows
 * (ingress/rpc/explain/row-reasons.ts), and names the same of what both tell.
 */
import { sql } from "drizzle-orm";

/** What runs can be searched by, in the order in which one is chosen of several. A run is PAUSED, not a step of it. */
export const WAIT_KINDS = [
  "HELD",
  "RETRY",
  "APPROVAL",
  "CHILD",
  "CALL",
  "WORKER",
  "EVENT",
  "AGENT",
  "GOVERNANCE",
  "TIMER",
  "TASK",
  "PAUSED",
] as const;

/** One of them. */
export type WaitKind = (typeof WAIT_KINDS)[number];

/** The number of a kind in WAIT_CODE. */
export function waitNumber(kind: WaitKind): number {
  return WAIT_KINDS.indexOf(kind);
}

const number = (kind: WaitKind) => sql.raw(String(waitNumber(kind)));

/** The number of what the step `s` waits for; null: the row does not tell. */
export const WAIT_CODE = sql`case
  when s.detail ? 'held' then ${number("HELD")}
  when s.detail ? 'retrying' then ${number("RETRY")}
  when s.approval_request_id is not null then ${number("APPROVAL")}
  when s.detail ? 'children' then ${number("CHILD")}
  when s.detail ? 'pendingEnd' then ${number("CALL")}
  when s.detail ? 'task' then ${number("WORKER")}
  when s.detail ? 'wait' then ${number("EVENT")}
  when s.objective_id is not null or s.delegation_id is not null then ${number("AGENT")}
  when s.governance_decision = 'UNSPECIFIED' then ${number("GOVERNANCE")}
  when s.wake_at is not null then ${number("TIMER")}
  when s.state = 'WAITING' then ${number("TASK")}
end`;
