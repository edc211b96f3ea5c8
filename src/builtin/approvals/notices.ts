/**
 * Tells approvers by notifications that they are asked, and reminds them.
 * Boundary: the words, and which of them are due; how they are sent is builtin/notifications/.
 */
import { createHash } from "node:crypto";
import { RiskLevel, RiskLevelSchema } from "../../../gen/approvals/v1/approvals_pb.ts";
import { NotificationCategory, Priority } from "../../../gen/notifications/v1/notifications_pb.ts";
import { idOfKey } from "../../process/ids.ts";
import { type DueNotice, takeNotices } from "../../store/approval-notices.ts";
import type { Database } from "../../store/database.ts";
import { insertNotification, type NewNotification } from "../../store/notifications.ts";

/** How approvers are notified. */
export interface ApprovalNotices {
  /** Whether this approver of this workspace is. */
  reaches(workspaceId: string, approver: string): boolean;
  /** The page on which the item is decided; "": no address of one is known. */
  linkTo(workspaceId: string, itemId: string): string;
  /** Called after notifications are kept. */
  onKept(): void;
}

const URGENT: readonly number[] = [RiskLevel.HIGH, RiskLevel.CRITICAL];

/** Keeps the notifications that are due; true: there may be more. */
export async function keepNotices(
  database: Database,
  notices: ApprovalNotices,
  limit: number,
): Promise<boolean> {
  const due = await database.transaction(async (tx) => {
    const taken = await takeNotices(tx, limit);
    for (const notice of taken) await insertNotification(tx, notificationOf(notice, notices));
    return taken;
  });
  if (due.length > 0) notices.onKept();
  return due.length === limit;
}

function notificationOf(
  notice: DueNotice,
  { linkTo }: Pick<ApprovalNotices, "linkTo">,
): NewNotification {
  const { requestId, workspaceId, approver, actionType, riskLevel, itemId, number } = notice;
  const key = JSON.stringify([requestId, number]);
  const risk = riskName(riskLevel);
  const lines = [
    `${actionType} waits for your decision.`,
    ...(risk === "" ? [] : [`Risk: ${risk}`]),
    ...(itemId === "" ? [] : [`Decide: workflows approve ${itemId}`]),
  ];
  return {
    id: idOfKey("ntf_", key),
    workspaceId,
    bodyHash: createHash("sha256").update(key).digest(),
    recipients: [approver],
    subject: `${number === 1 ? "Approval needed" : "Reminder: approval needed"}: ${actionType}`,
    body: lines.join("\n"),
    link: itemId === "" ? "" : linkTo(workspaceId, itemId),
    metadataJson: JSON.stringify({ approval_request_id: requestId, item_id: itemId }),
    priority: URGENT.includes(riskLevel) ? Priority.HIGH : Priority.NORMAL,
    category: NotificationCategory.APPROVAL_REQUEST,
  };
}

function riskName(number: number): string {
  const level = Object.values(RiskLevel).find((each) => each === number) ?? RiskLevel.UNSPECIFIED;
  if (level === RiskLevel.UNSPECIFIED) return "";
  return RiskLevelSchema.value[level]?.localName ?? "";
}
