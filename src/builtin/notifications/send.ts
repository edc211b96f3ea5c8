/**
 * Sends one message once: by SMTP, or as a POST to Slack, Teams or a generic webhook.
 * Boundary: one try and what it means; when there is another one is known by notifications.ts.
 * Invariants:
 * 1. Each try of a message has the same id, so that a receiver can drop repeats: `Message-ID`, or the header `webhook-id`.
 * 2. Every wait has a limit.
 * 3. No failure holds a URL or a password.
 */
import type { Transporter } from "nodemailer";
import { Priority } from "../../../gen/notifications/v1/notifications_pb.ts";
import type { DueNotification } from "../../store/notifications.ts";
import type { Destination } from "./addresses.ts";
import { slackBody, teamsBody, textOf, webhookBody } from "./bodies.ts";
import { PostFailure, post } from "./post.ts";

/** What a try came to. */
export type Sent =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: string;
      /** False: another try would fail alike. */
      readonly mayRetry: boolean;
      /** True: the receiver may have the message. */
      readonly isUnsure: boolean;
      readonly retryAfterMs?: number;
    };

/** How e-mail is sent. */
export interface Mail {
  readonly url: string;
  readonly from: string;
}

/** Sends messages. */
export interface Sender {
  /** Never rejects. */
  send(message: DueNotification, to: Destination): Promise<Sent>;
  close(): void;
}

/** The longest try. */
export const TRY_MS = 30_000;
const LONGEST_WAIT_S = 3_600;
const MAIL_TIMES = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000 };
const URGENT: readonly number[] = [Priority.HIGH, Priority.URGENT];

/** Makes a sender; nothing is connected before the first message. */
export function createSender(mail: Mail | undefined): Sender {
  let opening: Promise<Transporter> | undefined;
  return {
    async send(message, to) {
      try {
        if (to.kind !== "email") return await sendPost(message, to);
        if (mail === undefined) return refused("NOTIFICATIONS_SMTP_URL is not set", true);
        opening ??= openMail(mail);
        return await withinTry(sendMail(await opening, mail, message, to.to));
      } catch (error) {
        return failureOf(error);
      }
    },
    close: () => void opening?.then((transport) => transport.close()),
  };
}

/** The package is loaded by the first e-mail, so that a start does not wait for it. */
async function openMail({ url }: Mail): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  return createTransport({
    ...{ url, pool: true, maxConnections: 2, disableFileAccess: true, disableUrlAccess: true },
    ...MAIL_TIMES,
  });
}

async function sendMail(
  transport: Transporter,
  { from }: Mail,
  message: DueNotification,
  to: string,
): Promise<Sent> {
  const domain = /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? "workflows";
  await transport.sendMail({
    ...{ from, to, subject: message.subject, text: textOf(message) },
    messageId: `<${message.id}.${message.place}@${domain}>`,
    headers: { "Auto-Submitted": "auto-generated" },
    ...(URGENT.includes(message.priority) ? { priority: "high" } : {}),
  });
  return { ok: true };
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

/**
 * SMTP's 5xx say that another try fails alike (RFC 5321, 4.2.1). Without a reply nothing is known of a message, unless its
 * connection was never made.
 */
function failureOf(error: unknown): Sent {
  if (error instanceof PostFailure) {
    return { ...refused(error.message, !error.isPrivate), isUnsure: error.mayHaveArrived };
  }
  const code = fieldOf(error, "responseCode");
  if (typeof code === "number") return refused(`SMTP ${code}`, code < 500);
  const named = fieldOf(error, "code");
  const word = typeof named === "string" ? named : "the connection failed";
  return { ...refused(word, true), isUnsure: fieldOf(error, "command") !== "CONN" };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function refused(error: string, mayRetry: boolean) {
  return { ok: false, error, mayRetry, isUnsure: false } as const;
}

/** A try that takes too long counts as failed, whatever comes of it: its message may arrive twice. */
async function withinTry(trying: Promise<Sent>): Promise<Sent> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Sent>((resolve) => {
    timer = setTimeout(
      () => resolve({ ...refused("no answer in time", true), isUnsure: true }),
      TRY_MS,
    );
  });
  try {
    return await Promise.race([trying, late]);
  } finally {
    clearTimeout(timer);
    trying.catch(() => {});
  }
}
