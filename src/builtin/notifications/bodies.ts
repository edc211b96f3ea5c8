/** What a message looks like to its receivers. Boundary: pure. */
import type { DescEnum } from "@bufbuild/protobuf";
import {
  NotificationCategorySchema,
  PrioritySchema,
} from "../../../gen/notifications/v1/notifications_pb.ts";
import type { DueNotification } from "../../store/notifications.ts";

/** Slack's longest text is 40,000 characters, a card of Teams takes 28 KB. */
const TEXT_CHARS = 12_000;

/** The body and the link as plain text. */
export function textOf({ body, link }: DueNotification): string {
  return [body, link].filter((text) => text !== "").join("\n\n");
}

/** For an incoming webhook of Slack. */
export function slackBody({ subject, body, link }: DueNotification): object {
  const title = subject === "" ? "" : `*${escapeSlack(subject)}*`;
  const open = link === "" ? "" : `<${link}|Open>`;
  const text = [title, escapeSlack(shorten(body)), open].filter((part) => part !== "").join("\n");
  return { text };
}

/** For a workflow of Teams: an Adaptive Card. */
export function teamsBody({ subject, body, link }: DueNotification): object {
  const block = (text: string, more = {}) => ({ type: "TextBlock", text, wrap: true, ...more });
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    ...{ type: "AdaptiveCard", version: "1.4" },
    body: [
      ...(subject === "" ? [] : [block(subject, { weight: "Bolder", size: "Medium" })]),
      block(shorten(body)),
    ],
    actions: link === "" ? [] : [{ type: "Action.OpenUrl", title: "Open", url: link }],
  };
  const contentType = "application/vnd.microsoft.card.adaptive";
  return { type: "message", attachments: [{ contentType, contentUrl: null, content }] };
}

/** For a generic webhook: everything that is known. */
export function webhookBody(message: DueNotification): object {
  const { id, place, workspaceId, recipient, subject, body, link, createdAt } = message;
  return {
    ...{ id: `${id}.${place}`, notification_id: id, workspace_id: workspaceId },
    ...{ recipient, subject, body, link },
    priority: nameOf(PrioritySchema, message.priority),
    category: nameOf(NotificationCategorySchema, message.category),
    metadata: message.metadataJson === "" ? {} : readJson(message.metadataJson),
    created_at: createdAt.toISOString(),
  };
}

function nameOf({ values }: DescEnum, number: number): string {
  return values.find((value) => value.number === number)?.name ?? "";
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The characters that Slack reads as marks of links and mentions. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function shorten(text: string): string {
  return text.length <= TEXT_CHARS ? text : `${text.slice(0, TEXT_CHARS - 1).toWellFormed()}…`;
}
