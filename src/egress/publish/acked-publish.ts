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
  type Msg,
  type NatsConnection,
  NatsError,
  type Subscription,
} from "nats";
import type { OutgoingEvent } from "../../wire/events/cloud-events.ts";

/**
 * `stored`: the stream has it. `no_stream`: no stream stores this subject. `too_large`: server or stream never take it.
 * `refused`: the server says why it is not stored, or another stream stored it. `lost`: no answer in time; it may be
 * stored or not.
 */
type PublishOutcome = "stored" | "no_stream" | "too_large" | "refused" | "lost";

/** Sequences of the stream that were acknowledged. */
interface AckedSequences {
  /** 0 before the first. */
  readonly highest: number;
  /**
   * The lowest that was given to a message although a higher one had been acknowledged before it was sent: the stream
   * went back. Infinity: none.
   */
  readonly repeated: number;
}

/** Publishes on one connection. */
export interface AckedPublish {
  /** Sends a message once; resolves with what came of it, within 2 s. */
  publish(event: OutgoingEvent): Promise<PublishOutcome>;
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

const ACK_TIMEOUT_MS = 2_000;
const SWEEP_EVERY_MS = 250;
const NO_RESPONDERS = 503;
const MESSAGE_EXCEEDS_MAXIMUM = 10_054;

const NOTHING_ACKED: AckedSequences = { highest: 0, repeated: Number.POSITIVE_INFINITY };

interface Awaited {
  readonly sentAtMs: number;
  /** The highest sequence that was acknowledged when it was sent. */
  readonly after: number;
  resolve(outcome: PublishOutcome): void;
}

/** Opens the reply inbox for messages that `stream` stores. */
export function openAckedPublish(connection: NatsConnection, stream: string): AckedPublish {
  const inbox = createInbox();
  // In order of sending, so the first is the one that has waited longest.
  const awaited = new Map<string, Awaited>();
  let next = 0;
  let connected = !connection.isClosed();
  let connections = 0;
  let acked = NOTHING_ACKED;
  let refusal = "";
  let stopped = false;
  let sweep: NodeJS.Timeout | undefined;

  const settle = (token: string, outcome: PublishOutcome) => {
    const entry = awaited.get(token);
    awaited.delete(token);
    if (outcome === "lost") refusal = `no acknowledgement within ${ACK_TIMEOUT_MS} ms`;
    entry?.resolve(outcome);
  };
  const answered = (token: string, message: Msg) => {
    const answer = answerOf(message, stream);
    const entry = awaited.get(token);
    if (answer.refusal !== undefined) refusal = answer.refusal;
    if (answer.seq !== undefined && entry !== undefined) {
      const { highest, repeated } = acked;
      acked = {
        highest: Math.max(highest, answer.seq),
        repeated: answer.seq <= entry.after ? Math.min(repeated, answer.seq) : repeated,
      };
    }
    settle(token, answer.outcome);
  };
  let subscription: Subscription | undefined;
  // The client ends a subscription whose permission is refused; the next message asks for it again.
  const listen = () => {
    subscription ??= connection.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) subscription = undefined;
        else answered(message.subject.slice(inbox.length + 1), message);
      },
    });
  };
  const status = connection.status();
  void (async () => {
    for await (const { type } of status) {
      if (type === Events.Disconnect) connected = false;
      if (type !== Events.Reconnect) continue;
      connected = true;
      connections += 1;
    }
  })();

  // One timer for all that is awaited, and none while nothing is.
  function watch(): void {
    sweep ??= setTimeout(() => {
      sweep = undefined;
      const latest = performance.now() - ACK_TIMEOUT_MS;
      for (const [token, entry] of awaited) {
        if (entry.sentAtMs > latest) break;
        settle(token, "lost");
      }
      if (awaited.size > 0) watch();
    }, SWEEP_EVERY_MS);
  }

  return {
    get connected() {
      return !stopped && connected && !connection.isClosed();
    },
    get connections() {
      return connections;
    },
    get refusal() {
      return refusal;
    },
    get acked() {
      return acked;
    },
    forgetAcked() {
      acked = NOTHING_ACKED;
    },
    publish(event) {
      if (!this.connected) return Promise.resolve("lost");
      listen();
      next += 1;
      const token = String(next);
      const head = headers();
      head.set("Nats-Msg-Id", event.id);
      head.set("Content-Type", event.contentType);
      try {
        connection.publish(event.subject, event.body, {
          headers: head,
          reply: `${inbox}.${token}`,
        });
      } catch (error) {
        return Promise.resolve(isTooLarge(error) ? "too_large" : "lost");
      }
      return new Promise((resolve) => {
        awaited.set(token, { sentAtMs: performance.now(), after: acked.highest, resolve });
        watch();
      });
    },
    stop() {
      stopped = true;
      clearTimeout(sweep);
      subscription?.unsubscribe();
      for (const token of [...awaited.keys()]) settle(token, "lost");
    },
  };
}

interface Answer {
  readonly outcome: PublishOutcome;
  /** Of a message that was stored now, not before. */
  readonly seq?: number;
  readonly refusal?: string;
}

function answerOf(message: Msg, stream: string): Answer {
  if (message.headers?.code === NO_RESPONDERS) {
    return { outcome: "no_stream", refusal: `no stream takes ${message.subject}` };
  }
  try {
    const ack: unknown = JSON.parse(message.string());
    if (typeof ack !== "object" || ack === null) return { outcome: "lost" };
    if ("error" in ack) return refusedBy(ack.error);
    if (!("seq" in ack) || typeof ack.seq !== "number") return { outcome: "lost" };
    if ("stream" in ack && ack.stream !== stream) {
      return { outcome: "refused", refusal: `the stream ${ack.stream} takes the event` };
    }
    const isRepeat = "duplicate" in ack && ack.duplicate === true;
    return { outcome: "stored", ...(isRepeat ? {} : { seq: ack.seq }) };
  } catch {
    // No acknowledgement of JetStream: another program answers on this subject.
    return { outcome: "lost" };
  }
}

function refusedBy(error: unknown): Answer {
  if (isRefusedForSize(error)) return { outcome: "too_large" };
  const described = typeof error === "object" && error !== null && "description" in error;
  return { outcome: "refused", refusal: described ? String(error.description) : "no reason" };
}

/** The stream's own limit (max_msg_size) may be below the server's. */
function isRefusedForSize(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "err_code" in error &&
    error.err_code === MESSAGE_EXCEEDS_MAXIMUM
  );
}

function isTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded;
}
