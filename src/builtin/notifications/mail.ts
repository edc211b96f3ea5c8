/**
 * Sends e-mails by SMTP, over a few connections that stay open.
 * Boundary: one try and what it means.
 * Invariants:
 * 1. MAILS_AT_ONCE e-mails are with nodemailer at most: none waits in its queue, where it would be sent after its try.
 * 2. A try that takes too long is aborted, and its connection is closed. Its e-mail may have arrived only where its content
 *    had begun to leave.
 * 3. An e-mail is refused for good by replies about itself alone. A fault of the connection or its login is of every e-mail.
 */
import type { Readable } from "node:stream";
import type { Transporter } from "nodemailer";
import { Priority } from "../../../gen/notifications/v1/notifications_pb.ts";
import type { DueNotification } from "../../store/notifications.ts";
import { textOf } from "./bodies.ts";
import { fieldOf, refused, type Sent } from "./sent.ts";

/** How e-mail is sent. */
export interface Mail {
  readonly url: string;
  readonly from: string;
}

/** Sends e-mails. */
export interface Mailer {
  /** Rejects only when the package cannot be loaded. */
  send(message: DueNotification, to: string): Promise<Sent>;
  close(): void;
}

interface Transport {
  readonly transporter: Transporter;
  /** The content of the e-mail of a try; none before its connection was ready for it. */
  readonly contents: WeakMap<AbortSignal, Readable>;
}

const MAILS_AT_ONCE = 4;
const MAIL_TIMES = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000 };
const URGENT: readonly number[] = [Priority.HIGH, Priority.URGENT];
const AUTHENTICATION_REQUIRED = 530;
/** Commands whose replies are about the e-mail. */
const OF_MESSAGE: readonly unknown[] = ["MAIL FROM", "RCPT TO", "DATA"];
/** Faults that nodemailer finds in the e-mail itself. */
const SPOILT: readonly unknown[] = ["EENVELOPE", "EMESSAGE"];

/** Makes a mailer whose tries take `tryMs` at most; nothing is connected before the first e-mail. */
export function createMailer(mail: Mail, tryMs: number): Mailer {
  let opening: Promise<Transport> | undefined;
  const places = createPlaces(MAILS_AT_ONCE);
  return {
    async send(message, to) {
      const signal = AbortSignal.timeout(tryMs);
      // The other half is left for the try itself.
      if (!(await places.take(tryMs / 2))) return refused("e-mails before it take too long", true);
      try {
        opening ??= openTransport(mail);
        return await sendMail(await opening, mail, message, to, signal);
      } finally {
        places.giveBack();
      }
    },
    close: () =>
      void opening?.then(
        ({ transporter }) => transporter.close(),
        () => {},
      ),
  };
}

/** The package is loaded by the first e-mail, so that a start does not wait for it. */
async function openTransport({ url }: Mail): Promise<Transport> {
  const { createTransport } = await import("nodemailer");
  const transporter: Transporter = createTransport({
    ...{ url, pool: true, maxConnections: MAILS_AT_ONCE },
    ...{ disableFileAccess: true, disableUrlAccess: true, ...MAIL_TIMES },
  });
  const contents = new WeakMap<AbortSignal, Readable>();
  transporter.use("stream", ({ data: { signal }, message }, done) => {
    const open = message.createReadStream.bind(message);
    message.createReadStream = (options) => {
      const content = open(options);
      if (signal !== undefined) contents.set(signal, content);
      return content;
    };
    done();
  });
  return { transporter, contents };
}

async function sendMail(
  { transporter, contents }: Transport,
  { from }: Mail,
  message: DueNotification,
  to: string,
  signal: AbortSignal,
): Promise<Sent> {
  const domain = /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? "workflows";
  try {
    await transporter.sendMail({
      ...{ from, to, subject: message.subject, text: textOf(message), signal },
      messageId: `<${message.id}.${message.place}@${domain}>`,
      headers: { "Auto-Submitted": "auto-generated" },
      ...(URGENT.includes(message.priority) ? { priority: "high" } : {}),
    });
    return { ok: true };
  } catch (error) {
    return failureOf(error, contents.get(signal)?.readableDidRead === true);
  }
}

/** SMTP's 5xx say that another try fails alike (RFC 5321, 4.2.1). Without a reply it is not known what became of a content. */
function failureOf(error: unknown, hasBegun: boolean): Sent {
  const reply = fieldOf(error, "responseCode");
  if (typeof reply === "number") {
    const isOfMessage = OF_MESSAGE.includes(fieldOf(error, "command"));
    const mayRetry = reply < 500 || !isOfMessage || reply === AUTHENTICATION_REQUIRED;
    return refused(`SMTP ${reply}`, mayRetry);
  }
  const code = fieldOf(error, "code");
  if (SPOILT.includes(code)) return refused(String(code), false);
  const word = typeof code === "string" ? code : "the connection failed";
  const isLate = word === "EABORT";
  return { ...refused(isLate ? "no answer in time" : word, true), isUnsure: hasBegun };
}

/** Places for a few at once; the others wait for one in the order in which they came. */
function createPlaces(atOnce: number) {
  let free = atOnce;
  const waiting = new Set<() => void>();
  return {
    /** False: none was given back in time. */
    take(waitMs: number): Promise<boolean> {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(begin);
          resolve(false);
        }, waitMs);
        function begin(): void {
          clearTimeout(timer);
          resolve(true);
        }
        waiting.add(begin);
      });
    },
    giveBack(): void {
      const [next] = waiting;
      if (next === undefined) {
        free += 1;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}
