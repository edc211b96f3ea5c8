/**
 * NotificationService, served inside the process: the contract that other owners of notifications have.
 * Boundary: what a request may say, and its row; notifications.ts sends it.
 * Invariant: a call is idempotent by its Idempotency-Key: the id of what it makes follows from it.
 */
import { createHash, randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import {
  DeliveryChannel,
  DeliveryChannelSchema,
  DeliveryStatus,
  NotificationSchema,
  NotificationService,
  type SendRequest,
  SendRequestSchema,
} from "../../../gen/notifications/v1/notifications_pb.ts";
import { idOfKey } from "../../process/ids.ts";
import type { Database } from "../../store/database.ts";
import { keepNotification } from "../../store/notifications.ts";
import { AnswerLost, isAway, isLostRace } from "../../store/pg-errors.ts";
import { type Addresses, findDestination, namesOf } from "./addresses.ts";

/** What the service needs. */
export interface NotificationServiceDeps {
  readonly database: Database;
  readonly addresses: Addresses;
  /** Called after a request is committed. */
  readonly onKept: () => void;
}

const RECIPIENTS_AT_MOST = 20;

/** The routes of NotificationService. */
export function notificationRoutes(deps: NotificationServiceDeps): (router: ConnectRouter) => void {
  return (router) =>
    router.service(NotificationService, { send: (asked, context) => send(deps, asked, context) });
}

async function send(
  { database, addresses, onKept }: NotificationServiceDeps,
  asked: SendRequest,
  { requestHeader }: HandlerContext,
) {
  const { workspaceId, priority, category, metadataJson } = asked;
  if (workspaceId === "") throw invalid("workspace_id is required");
  const recipients = recipientsOf(addresses, asked);
  const { subject, body } = wordsOf(asked);
  for (const text of [workspaceId, subject, body, metadataJson]) {
    if (text.includes("\u0000")) throw invalid("a text has the character NUL");
  }
  const key = requestHeader.get("idempotency-key") ?? randomUUID();
  const id = idOfKey("ntf_", JSON.stringify([workspaceId, key]));
  const bodyHash = createHash("sha256").update(toBinary(SendRequestSchema, asked)).digest();
  const made = { id, workspaceId, bodyHash, recipients, subject, body, metadataJson };
  const kept = await answered(
    keepNotification(database, { ...made, link: "", priority, category }),
  );
  if (kept === undefined) {
    const message = "the workspace has too many notifications that are not sent yet";
    throw new ConnectError(message, Code.ResourceExhausted);
  }
  if (Buffer.compare(kept.bodyHash, bodyHash) !== 0) {
    throw new ConnectError("the key was used for another request", Code.AlreadyExists);
  }
  onKept();
  const { $typeName: _, $unknown: __, templateVariablesJson: ___, ...fields } = asked;
  const deliveryStatus = DeliveryStatus.QUEUED;
  const sentAt = timestampFromDate(kept.createdAt);
  return { notification: create(NotificationSchema, { ...fields, id, deliveryStatus, sentAt }) };
}

function recipientsOf(addresses: Addresses, asked: SendRequest): string[] {
  const names = namesOf(asked.recipientId, channelOf(asked));
  if (names.length === 0) throw invalid("recipient_id names no recipient");
  if (names.length > RECIPIENTS_AT_MOST) {
    throw invalid(`recipient_id names ${names.length} recipients, over ${RECIPIENTS_AT_MOST}`);
  }
  for (const name of names) {
    if (name.includes("\u0000")) throw invalid("a text has the character NUL");
    const found = findDestination(addresses, asked.workspaceId, name);
    if (!found.ok) throw new ConnectError(found.problem, Code.FailedPrecondition);
  }
  return names;
}

/** The channel in lower case; one that the contract has no number for is named in the metadata. "" for none. */
function channelOf({ channel, metadataJson }: SendRequest): string {
  if (channel !== DeliveryChannel.UNSPECIFIED) {
    return DeliveryChannelSchema.value[channel]?.localName.toLowerCase() ?? "";
  }
  const named = fieldsOf(metadataJson).channel;
  return typeof named === "string" ? named.toLowerCase().replaceAll("-", "_") : "";
}

/** Subject and body; of a template its name, and a line for each variable. */
function wordsOf({ subject, body, templateName, templateVariablesJson }: SendRequest) {
  if (subject === "" && body === "" && templateName === "") {
    throw invalid("subject, body or template_name is required");
  }
  if (body !== "" || templateName === "") return { subject, body };
  const lines = Object.entries(fieldsOf(templateVariablesJson)).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return { subject: subject || templateName, body: lines.join("\n") };
}

function fieldsOf(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = json === "" ? {} : JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    throw invalid("a JSON text of the request cannot be read");
  }
}

/** What may succeed later is UNAVAILABLE, so that the caller repeats it with its key. */
async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AnswerLost || isAway(error) || isLostRace(error)) {
      throw new ConnectError("the database cannot be used", Code.Unavailable, {}, [], error);
    }
    throw error;
  }
}

function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
