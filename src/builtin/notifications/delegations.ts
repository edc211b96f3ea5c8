/**
 * Tells those to whom items of the inbox are passed on.
 * Boundary: the words; who changes the item keeps the notification with the change (store/inbox-notes.ts).
 */
import { createHash } from "node:crypto";
import { NotificationCategory, Priority } from "../../../gen/notifications/v1/notifications_pb.ts";
import { idOfKey } from "../../process/ids.ts";
import type { NewNotification } from "../../store/notifications.ts";

/** An item that is passed on. */
interface Delegation {
  /** The same for each try of the call. */
  readonly noteId: string;
  readonly itemId: string;
  readonly workspaceId: string;
  readonly title: string;
  readonly isApproval: boolean;
  /** Who passes it on, as it is recorded; "": the call does not say. */
  readonly by: string;
  readonly to: string;
  /** "": none is given. */
  readonly reason: string;
}

const REASON_CHARS_AT_MOST = 2_000;
const TITLE_CHARS_AT_MOST = 200;

/** The notification; `link` is the page of the item, "" where none is known. */
export function delegationNotice(delegation: Delegation, link: string): NewNotification {
  const { noteId, itemId, workspaceId, by, to, reason } = delegation;
  const title = delegation.title.slice(0, TITLE_CHARS_AT_MOST);
  const key = JSON.stringify(["delegated", itemId, noteId]);
  const who = by === "" ? "Somebody" : by.replace(/^unverified:(.*)$/, "$1 (unverified)");
  const lines = [
    `${who} passed "${title}" on to you.`,
    ...(reason === "" ? [] : [`Reason: ${reason.slice(0, REASON_CHARS_AT_MOST)}`]),
    `Look: workflows inbox ${itemId}`,
  ];
  return {
    id: idOfKey("ntf_", key),
    workspaceId,
    bodyHash: createHash("sha256").update(key).digest(),
    recipients: [to],
    subject: `Passed on to you: ${title}`,
    body: lines.join("\n"),
    link,
    metadataJson: JSON.stringify({ item_id: itemId }),
    priority: Priority.NORMAL,
    category: delegation.isApproval
      ? NotificationCategory.APPROVAL_REQUEST
      : NotificationCategory.GENERAL,
  };
}
