/** Tables: Requests for approval and their decisions, where the service decides them itself (APPROVALS_URL=builtin). See tables.ts. */
import { sql } from "drizzle-orm";
import { bigint, index, pgTable, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { bytea, time } from "./column-types.ts";

/** Requests for approval, open (`decision` 0) and decided. */
export const approvalRequests = pgTable(
  "approval_requests",
  {
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
    /** Null: the request never expires. */
    expiresAt: time("expires_at"),
    /** When its approver is notified next; null: not at all, or no more. */
    noticeAt: time("notice_at"),
    /** Time between two reminders; null: there is none. */
    remindAfterMs: bigint("remind_after_ms", { mode: "number" }),
    /** Notices of it so far. */
    notices: smallint("notices").notNull().default(0),
    /** Number of approvals.v1.DecisionType; 0: open. */
    decision: smallint("decision").notNull(),
    /** Number of approvals.v1.RiskLevel. */
    riskLevel: smallint("risk_level").notNull(),
    /** Follows from workspace and idempotency key, so that a repeat finds the first request. */
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    /** SHA-256 of the request's bytes: the same key with another body is refused. */
    bodyHash: bytea("body_hash").notNull(),
    agentId: text("agent_id").notNull(),
    surface: text("surface").notNull(),
    actionType: text("action_type").notNull(),
    approverUserId: text("approver_user_id").notNull(),
    contextJson: text("context_json").notNull(),
    actionPayload: bytea("action_payload").notNull(),
    /** The item of the Inbox, `<run>/<step>/<n>`; "" where the request's key names none. */
    itemId: text("item_id").notNull().default(""),
  },
  (t) => [
    index("approval_requests_open")
      .on(t.workspaceId, t.createdAt, t.id)
      .where(sql`${t.decision} = 0`),
    index("approval_requests_expiring")
      .on(t.expiresAt)
      .where(sql`${t.decision} = 0 and ${t.expiresAt} is not null`),
    index("approval_requests_to_notify")
      .on(t.noticeAt)
      .where(sql`${t.decision} = 0 and ${t.noticeAt} is not null`),
    index("approval_requests_decided").on(t.updatedAt).where(sql`${t.decision} <> 0`),
  ],
);

/** Decisions on requests, escalations included. A row without `published_at` is the outbox of its event. */
export const approvalDecisions = pgTable(
  "approval_decisions",
  {
    decidedAt: time("decided_at").notNull(),
    /** No other replica publishes the event before this time by the database's clock. */
    leaseUntil: time("lease_until").notNull(),
    publishedAt: time("published_at"),
    /** Number of approvals.v1.DecisionType. */
    decision: smallint("decision").notNull(),
    requestId: text("request_id").notNull(),
    /** Also the id of the event. */
    id: text("id").notNull(),
    decidedBy: text("decided_by").notNull(),
    reason: text("reason").notNull(),
    /** The program through which the person came; empty: it did not say. */
    via: text("via").notNull().default(""),
  },
  (t) => [
    primaryKey({ columns: [t.requestId, t.id] }),
    index("approval_decisions_unpublished").on(t.leaseUntil).where(sql`${t.publishedAt} is null`),
  ],
);
