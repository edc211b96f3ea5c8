/**
 * Sends one message once: by SMTP, or as a POST to Slack, Teams or a generic webhook.
 * Boundary: one try and what it means; when there is another one is known by notifications.ts, how e-mail goes by mail.ts.
 * Invariants:
 * 1. Each try of a message has the same id, so that a receiver can drop repeats: `Message-ID`, or the header `webhook-id`.
 * 2. Every wait has a limit.
 * 3. No failure holds a URL or a password.
 */
import type { DueNotification } from "../../store/notifications.ts";
import type { Destination } from "./addresses.ts";
import { slackBody, teamsBody, webhookBody } from "./bodies.ts";
import { createMailer, type Mail } from "./mail.ts";
import { PostFailure, post } from "./post.ts";
import { refused, type Sent } from "./sent.ts";

/** Sends messages. */
export interface Sender {
  /** Never rejects. */
  send(message: DueNotification, to: Destination): Promise<Sent>;
  close(): void;
}

/** The longest try. */
export const TRY_MS = 30_000;
const LONGEST_WAIT_S = 3_600;

/** Makes a sender; nothing is connected before the first message. */
export function createSender(mail: Mail | undefined, tryMs = TRY_MS): Sender {
  const mailer = mail && createMailer(mail, tryMs);
  return {
    async send(message, to) {
      try {
        if (to.kind !== "email") return await sendPost(message, to);
        if (mailer === undefined) return refused("NOTIFICATIONS_SMTP_URL is not set", true);
        return await mailer.send(message, to.to);
      } catch (error) {
        return failureOf(error);
      }
    },
    close: () => mailer?.close(),
  };
}

async function sendPost(
  message: DueNotification,
  { kind, url, isNamed = false }: Exclude<Destination, { readonly kind: "email" }>,
): Promise<Sent> {
  const bodies = { slack: slackBody, teams: teamsBody, webhook: webhookBody };
  const headers = {
    "content-type": "application/json",
    "webhook-id": `${message.id}.${message.place}`,
    "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
  };
  const body = JSON.stringify(bodies[kind](message));
  const { status, retryAfterS } = await post({ url, headers, body, isNamed });
  if (status >= 200 && status < 300) return { ok: true };
  const mayRetry = status === 408 || status === 425 || status === 429 || status >= 500;
  return {
    ...refused(`HTTP ${status}`, mayRetry),
    ...(retryAfterS === undefined
      ? {}
      : { retryAfterMs: Math.min(retryAfterS, LONGEST_WAIT_S) * 1000 }),
  };
}

function failureOf(error: unknown): Sent {
  if (!(error instanceof PostFailure)) return refused("the message could not be made", true);
  return { ...refused(error.message, !error.isPrivate), isUnsure: error.mayHaveArrived };
}
