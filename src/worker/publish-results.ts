/**
 * Publishes results, many a message, until the stream has acknowledged them.
 * Boundary: one subscription takes the acknowledgements of all messages. Results of one turn of the event loop share a message.
 * Invariant: a result is published until it is acknowledged or the publisher is closed; repeats have the same `Nats-Msg-Id`.
 */
import { randomUUID } from "node:crypto";
import { createInbox, headers, type Msg, type NatsConnection } from "nats";
import type { WorkerLog } from "./handlers.ts";
import type { Link } from "./link.ts";
import {
  encodeResult,
  MESSAGE_BYTES,
  MESSAGE_RESULTS,
  type TaskResult,
  TOO_LARGE,
} from "./protocol.ts";

/** What it needs. */
export interface ResultsDeps {
  readonly connection: NatsConnection;
  readonly link: Link;
  readonly subject: string;
  readonly workerId: string;
  /** Of the inboxes that the connection may subscribe to; `_INBOX` unless given. */
  readonly inboxPrefix?: string | undefined;
  readonly log: WorkerLog;
}

/** Publishes results. */
export interface Results {
  /** Resolves when the stream has the result; in place of one that is over what the server takes, that it is. */
  give(result: TaskResult): Promise<void>;
  /** Resolves when the stream knows that the task is given back. */
  giveBack(id: string): Promise<void>;
  /** Ends; what is not acknowledged then is given up. */
  close(): void;
}

interface Part {
  readonly field: "results" | "returned";
  readonly text: string;
  readonly done: () => void;
}

interface Sent {
  readonly name: string;
  readonly body: string;
  readonly parts: readonly Part[];
  publishedAt: number;
}

/** Without an acknowledgement for so long a message is published again. */
const ANSWER_MS = 2_000;
const CHECK_MS = 500;

/** Makes the publisher of one worker. */
export function createResults(deps: ResultsDeps): Results {
  const { connection, workerId, log } = deps;
  const inbox = createInbox(deps.inboxPrefix);
  const idPrefix = `${workerId}-${randomUUID()}-`;
  const unanswered = new Map<string, Sent>();
  let waiting: Part[] = [];
  let count = 0;

  const publish = (sent: Sent) =>
    publishOnce(deps, sent, { id: `${idPrefix}${sent.name}`, reply: `${inbox}.${sent.name}` });
  const flush = () => {
    const parts = waiting;
    waiting = [];
    for (const each of inMessages(parts, bytesAtMost(connection))) {
      const name = String(count++);
      const sent = { name, body: encodeMessage(workerId, each), parts: each, publishedAt: 0 };
      unanswered.set(name, sent);
      publish(sent);
    }
  };
  const answer = (message: Msg) => {
    const name = message.subject.slice(inbox.length + 1);
    const sent = unanswered.get(name);
    if (sent === undefined) return;
    const fault = faultOf(message);
    if (fault !== undefined)
      return log.warn("a result was not stored, and is sent again", { fault });
    unanswered.delete(name);
    for (const { done } of sent.parts) done();
  };
  const add = (field: Part["field"], text: string) =>
    new Promise<void>((done) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ field, text, done });
    });

  connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error === null) answer(message);
      else log.error("acknowledgements are not received", { reason: error.message });
    },
  });
  const timer = setInterval(() => {
    const late = performance.now() - ANSWER_MS;
    for (const sent of unanswered.values()) if (sent.publishedAt < late) publish(sent);
  }, CHECK_MS);
  return {
    give: (result) => add("results", textOf(result, bytesAtMost(connection))),
    giveBack: (id) => add("returned", JSON.stringify(id)),
    close() {
      clearInterval(timer);
      unanswered.clear();
      waiting = [];
    },
  };
}

function publishOnce(
  { connection, link, subject, log }: ResultsDeps,
  sent: Sent,
  { id, reply }: { readonly id: string; readonly reply: string },
): void {
  sent.publishedAt = performance.now();
  // The client loses what is published now without a word.
  if (!link.isUp) return;
  const head = headers();
  head.set("Nats-Msg-Id", id);
  try {
    connection.publish(subject, sent.body, { reply, headers: head });
  } catch (error) {
    log.error("results cannot be published; tries again", { reason: String(error) });
  }
}

/** Bytes of all parts of a message. */
function bytesAtMost({ info }: NatsConnection): number {
  return Math.min(MESSAGE_BYTES, info?.max_payload ?? MESSAGE_BYTES) - FRAME_BYTES;
}

function textOf(result: TaskResult, most: number): string {
  const text = encodeResult(result);
  if (Buffer.byteLength(text) <= most) return text;
  const { id, cost_usd } = result;
  return encodeResult({ id, ...(cost_usd === undefined ? {} : { cost_usd }), ...TOO_LARGE });
}

/** In the order given; each message within its limits, unless a part alone is over them. */
function inMessages(parts: readonly Part[], most: number): Part[][] {
  const messages: Part[][] = [];
  let room = 0;
  for (const part of parts) {
    const size = Buffer.byteLength(part.text) + 1;
    const last = messages.at(-1);
    if (last === undefined || last.length === MESSAGE_RESULTS || size > room) {
      messages.push([part]);
      room = most - size;
    } else {
      last.push(part);
      room -= size;
    }
  }
  return messages;
}

/** More than what a message has beside its parts. */
const FRAME_BYTES = 1_024;

function encodeMessage(worker: string, parts: readonly Part[]): string {
  const listOf = (field: Part["field"]) => {
    const texts = parts.filter((part) => part.field === field).map(({ text }) => text);
    return texts.length === 0 ? "" : `,"${field}":[${texts.join()}]`;
  };
  return `{"worker":${JSON.stringify(worker)}${listOf("results")}${listOf("returned")}}`;
}

/** Why a message was not stored; undefined when it was. */
function faultOf(message: Msg): string | undefined {
  if (message.headers?.code === 503) return "there is no stream for results";
  try {
    const { seq, error } = message.json<{ seq?: number; error?: { description?: string } }>();
    if (typeof seq === "number") return undefined;
    return error?.description ?? "the answer has no sequence";
  } catch {
    return "the answer is not JSON";
  }
}
