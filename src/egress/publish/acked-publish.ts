/**
 * Publishing to JetStream with one reply inbox for the connection: a message goes out, the last token of
 * the reply's subject names its acknowledgement.
 * Boundary: one try of one message; repeating is the publisher's.
 * Invariants:
 * 1. A message that timed out may have been stored, so every message carries its event's id as `Nats-Msg-Id`.
 * 2. Nothing is handed to a connection that is away: it would pile up there.
 */
import {
  createInbox,
  ErrorCode,
  Events,
  headers,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  type Subscription,
} from "nats";
import { atEndOfTurn } from "../../process/end-of-turn.ts";
import type { OutgoingEvent } from "../../wire/events/cloud-events.ts";
import { type AckedSequences, AwaitedAnswers } from "./awaited-answers.ts";
import { answerOf, type PublishOutcome } from "./stream-answer.ts";

/** A message with an id. */
interface PublishedMessage extends OutgoingEvent {
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** Publishes on one connection. */
export interface AckedPublish {
  /**
   * Sends a message once; resolves with what came of it, within 2 s. `onStored` gets its sequence on the stream, also
   * when it had been stored before.
   */
  publish(event: PublishedMessage, onStored?: (seq: number) => void): Promise<PublishOutcome>;
  /** Whether the connection is up. */
  readonly connected: boolean;
  /** How often it was made again. */
  readonly connections: number;
  /** Why the last message was not stored, in words. */
  readonly refusal: string;
  readonly acked: AckedSequences;
  /** Counts acknowledged sequences from here on. */
  forgetAcked(): void;
  stop(): void;
}

/** Opens the reply inbox for messages that `stream` stores. */
export function openAckedPublish(connection: NatsConnection, stream: string): AckedPublish {
  const inbox = createInbox();
  const answers = new AwaitedAnswers();
  const link = watchLink(connection);
  // A message's headers are written when it is published, so all messages of a kind share an object.
  const heads = new Map<string, MsgHdrs>();
  let next = 0;
  let stopped = false;
  let subscription: Subscription | undefined;
  // The client ends a subscription whose permission is refused; the next message asks for it again.
  const listen = () => {
    subscription ??= connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) subscription = undefined;
        else answers.take(message.subject.slice(inbox.length + 1), answerOf(message, stream));
      },
    });
  };

  return {
    get connected() {
      return !stopped && link.connected && !connection.isClosed();
    },
    get connections() {
      return link.connections;
    },
    get refusal() {
      return answers.refusal;
    },
    get acked() {
      return answers.acked;
    },
    forgetAcked: () => answers.forgetAcked(),
    publish(event, onStored) {
      if (!this.connected) return Promise.resolve("lost");
      listen();
      next += 1;
      const token = String(next);
      const answer = answers.wait(token, onStored);
      atEndOfTurn(() => {
        const fault = send(connection, heads, event, `${inbox}.${token}`);
        if (fault !== undefined) answers.take(token, { outcome: fault });
      });
      return answer;
    },
    stop() {
      stopped = true;
      subscription?.unsubscribe();
      answers.stop();
    },
  };
}

/** Hands a message to the client; gives why it does not take it. */
function send(
  connection: NatsConnection,
  heads: Map<string, MsgHdrs>,
  message: PublishedMessage,
  reply: string,
): PublishOutcome | undefined {
  const { subject, body } = message;
  try {
    // The client's own encoder of texts takes more than twice as long.
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    connection.publish(subject, bytes, { headers: headOf(heads, message), reply });
    return undefined;
  } catch (error) {
    return isTooLarge(error) ? "too_large" : "lost";
  }
}

function headOf(
  heads: Map<string, MsgHdrs>,
  { id, contentType, traceparent }: PublishedMessage,
): MsgHdrs {
  // A header that one message has would stay for the next one that has none.
  const kind = traceparent === undefined ? contentType : `${contentType} traced`;
  const head = heads.get(kind) ?? headers();
  if (!heads.has(kind)) {
    head.set("Content-Type", contentType);
    heads.set(kind, head);
  }
  head.set("Nats-Msg-Id", id);
  if (traceparent !== undefined) head.set("traceparent", traceparent);
  return head;
}

/** Whether the connection is up, and how often it was made again; kept up to date until it is closed. */
function watchLink(connection: NatsConnection) {
  const link = { connected: !connection.isClosed(), connections: 0 };
  const status = connection.status();
  void (async () => {
    for await (const { type } of status) {
      if (type === Events.Disconnect) link.connected = false;
      if (type !== Events.Reconnect) continue;
      link.connected = true;
      link.connections += 1;
    }
  })();
  return link;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded;
}
