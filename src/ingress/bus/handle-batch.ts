/**
 * A batch of messages from one source: decoded, routed, and each acknowledged, put aside or given
 * back.
 *
 * Boundary: between JetStream's messages and runtime's events.
 * Invariants:
 * 1. A message is acknowledged only after its effects, or its dead letter, are committed.
 * 2. Every message has exactly one end here, whatever fails; none holds up the ones beside it.
 */
import type { JsMsg, NatsConnection } from "nats";
import type { BusEvent } from "../../engine/event.ts";
import { type DeadLetter, putAside } from "../../runtime/dead-letters.ts";
import { count } from "../../runtime/metrics.ts";
import { type RouteDeps, type RoutedEvent, routeEvents } from "../../runtime/route-event.ts";
import { beginTurn } from "../../runtime/shared-turn.ts";
import type { StreamLimits } from "../../runtime/stream-limits.ts";
import { type DecodedMessage, decodeBusMessage } from "../../wire/bus-events.ts";
import { publishDeadLetter } from "./dead-letter-stream.ts";
import {
  type AwayCounts,
  DELIVERIES_AT_MOST,
  deliveriesAgainst,
  noteAway,
  restAfterMs,
} from "./deliveries.ts";
import { ACK_WAIT_MS } from "./durable-consumer.ts";

/** What handling a batch needs. */
export interface BatchDeps extends RouteDeps {
  readonly connection: NatsConnection;
  readonly stream: string;
  /** Limits of the stream of dead letters when it has to be made. */
  readonly limits: StreamLimits;
  readonly awayCounts: AwayCounts;
  /** Told of every message that needs no further delivery. */
  onFinished(seq: number): void;
}

interface Arrival {
  readonly message: JsMsg;
  readonly event: BusEvent;
}

interface Reject {
  readonly message: JsMsg;
  readonly reason: string;
  readonly problem: string;
}

/** Handles the batch. Never rejects. */
export async function handleBatch(deps: BatchDeps, messages: readonly JsMsg[]): Promise<void> {
  const inHand = new Set(messages);
  const end = (message: JsMsg) => inHand.delete(message);
  // A message in hand for longer than the server waits would be delivered again.
  const holding = setInterval(() => {
    for (const message of inHand) message.working();
  }, ACK_WAIT_MS / 3);
  try {
    const { arrivals, rejects } = await decodeBatch(deps, messages, end);
    await rejectAll(deps, rejects, end);
    await routeArrivals(deps, arrivals, end);
  } catch (error) {
    deps.log.error("a batch of messages failed", { stream: deps.stream, error });
  } finally {
    clearInterval(holding);
    for (const message of inHand) message.nak(restAfterMs(message.info.deliveryCount));
  }
}

async function decodeBatch(
  deps: BatchDeps,
  messages: readonly JsMsg[],
  end: (message: JsMsg) => void,
): Promise<{ arrivals: Arrival[]; rejects: Reject[] }> {
  const arrivals: Arrival[] = [];
  const rejects: Reject[] = [];
  const share = beginTurn();
  for (const message of messages) {
    // Decoding a message of 1 MiB takes some ms.
    await share();
    count("workflows_messages_in_total", { stream: deps.stream });
    const decoded = decode(deps, message);
    if (decoded === undefined) continue;
    if (decoded.ok === true) {
      arrivals.push({ message, event: decoded.event });
      if (decoded.ignoredReport !== undefined) {
        count("workflows_events_ignored_total", { reason: decoded.ignoredReport });
      }
    } else if (decoded.ok === false) {
      rejects.push({ message, reason: decoded.reason, problem: decoded.problem });
    } else {
      count("workflows_events_ignored_total", { reason: decoded.reason });
      finish(deps, message, end);
    }
  }
  return { arrivals, rejects };
}

/** Undefined when decoding breaks, which is a fault of ours: the message stays in hand and comes again. */
function decode(
  deps: BatchDeps,
  message: JsMsg,
):
  | DecodedMessage
  | { readonly ok: false; readonly reason: string; readonly problem: string }
  | undefined {
  try {
    const { subject, data } = message;
    return decodeBusMessage({ subject, headers: firstValues(message), data });
  } catch (error) {
    const failed = noteFailure(deps, message, { streamSeq: message.seq, error });
    return failed && { ok: false, reason: failed.reason, problem: failed.problem };
  }
}

async function routeArrivals(
  deps: BatchDeps,
  arrivals: readonly Arrival[],
  end: (message: JsMsg) => void,
): Promise<void> {
  const routed = await routeEvents(
    deps,
    arrivals.map(({ event }) => event),
  );
  const failed: Reject[] = [];
  for (const [at, { message, event }] of arrivals.entries()) {
    const result = routed[at];
    if (result === undefined) continue;
    const reject = concludeRouted(deps, message, event, result, end);
    if (reject !== undefined) failed.push(reject);
  }
  await rejectAll(deps, failed, end);
}

/** Ends the message, or leaves it in hand to come again, or gives back why it is to be put aside. */
function concludeRouted(
  deps: BatchDeps,
  message: JsMsg,
  event: BusEvent,
  result: RoutedEvent,
  end: (message: JsMsg) => void,
): Reject | undefined {
  const { log, stream, awayCounts } = deps;
  if (result.ok) {
    finish(deps, message, end);
    return undefined;
  }
  const { error, kind } = result;
  const facts = { stream, eventId: event.id, streamSeq: message.seq, error };
  switch (kind) {
    case "refused":
      count("workflows_events_ignored_total", { reason: "refused" });
      log.warn("an event was refused", facts);
      finish(deps, message, end);
      return undefined;
    case "away":
      count("workflows_events_delayed_total", { stream });
      noteAway(awayCounts, message.seq);
      log.debug("an event waits for what is away", facts);
      return undefined;
    case "failed":
      return noteFailure(deps, message, facts);
  }
}

/** The message comes again, or after its last delivery is to be put aside. */
function noteFailure(
  { log, stream, awayCounts }: BatchDeps,
  message: JsMsg,
  facts: { readonly error: unknown; readonly [name: string]: unknown },
): Reject | undefined {
  count("workflows_events_failed_total", { stream });
  log.error("handling an event failed", facts);
  const deliveries = deliveriesAgainst(awayCounts, message.seq, message.info.deliveryCount);
  if (deliveries < DELIVERIES_AT_MOST) return undefined;
  return { message, reason: "handling_failed", problem: problemOf(facts.error) };
}

async function rejectAll(
  deps: BatchDeps,
  rejects: readonly Reject[],
  end: (message: JsMsg) => void,
): Promise<void> {
  if (rejects.length === 0) return;
  const letters = rejects.map((reject) => letterOf(deps.stream, reject));
  try {
    await putAside(deps, letters);
    await Promise.all(letters.map((letter) => publishDeadLetter(deps, letter)));
  } catch (error) {
    // They stay in hand and come again; those beside them go on.
    for (const { message } of rejects) noteAway(deps.awayCounts, message.seq);
    deps.log.warn("messages could not be put aside yet", { stream: deps.stream, error });
    return;
  }
  for (const { message } of rejects) {
    // A reason handed to term() is not understood by nats-server before 2.10, and the message comes again.
    message.term();
    deps.awayCounts.delete(message.seq);
    deps.onFinished(message.seq);
    end(message);
  }
}

function finish(deps: BatchDeps, message: JsMsg, end: (message: JsMsg) => void): void {
  message.ack();
  deps.awayCounts.delete(message.seq);
  deps.onFinished(message.seq);
  end(message);
}

function letterOf(stream: string, { message, reason, problem }: Reject): DeadLetter {
  return {
    stream,
    subject: message.subject,
    streamSeq: message.seq,
    reason,
    problem,
    headers: Object.fromEntries(message.headers ?? []),
    data: message.data,
  };
}

function firstValues({ headers }: JsMsg): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, [first]] of headers ?? []) {
    const key = name.toLowerCase();
    if (first !== undefined && !values.has(key)) values.set(key, first);
  }
  return values;
}

function problemOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
