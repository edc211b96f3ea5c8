/**
 * A batch of messages from one source: decoded, routed, and each acknowledged, put aside or given
 * back.
 *
 * Boundary: between JetStream's messages and runtime's events.
 * Invariants:
 * 1. A message is acknowledged only after its effects, or its dead letter, are committed.
 * 2. Every message has exactly one end here, whatever fails; none holds up the ones beside it.
 * 3. The next batch begins when all of this one is done but plain reports (reports-in-hand.ts). So a report is in its lane as soon as
 *    it came, and is mostly committed together with the reply that named its object.
 */
import type { JsMsg } from "nats";
import type { BusEvent } from "../../engine/values/event.ts";
import { reached } from "../../process/crash-points.ts";
import { count } from "../../process/metrics.ts";
import { beginTurn } from "../../process/shared-turn.ts";
import { pauseForLeavers } from "../../runtime/pause-for-leavers.ts";
import { ReportsInHand } from "../../runtime/routing/reports-in-hand.ts";
import {
  type RouteDeps,
  type RoutedEvent,
  routeEvents,
} from "../../runtime/routing/route-event.ts";
import { isTemporary } from "../../runtime/temporary.ts";
import { type DecodedMessage, decodeBusMessage } from "../../wire/bus/events.ts";
import { restAfterMs } from "./deliveries.ts";
import { firstValuesOf } from "./first-values.ts";
import { leaverOf } from "./leavers.ts";
import {
  type EndDeps,
  type Failure,
  finish,
  judgeFailures,
  type Reject,
  rejectAll,
} from "./message-ends.ts";
import { headersOf } from "./queue-headers.ts";
import type { NoteTenantless } from "./tenantless.ts";

/** What handling a batch needs. */
export interface BatchDeps extends RouteDeps, EndDeps {
  readonly noteTenantless: NoteTenantless;
}

interface Arrival {
  readonly message: JsMsg;
  readonly event: BusEvent;
}

/** The batches of a source that are in hand. */
interface BatchesInHand {
  readonly reports: ReportsInHand;
  /** Lets the next batch begin. */
  next(): void;
}

/** Handles the batch. Never rejects. Without `source` no other batch is in hand. */
export async function handleBatch(
  deps: BatchDeps,
  messages: readonly JsMsg[],
  source: BatchesInHand = { reports: new ReportsInHand(), next() {} },
): Promise<void> {
  const inHand = new Set(messages);
  const end = (message: JsMsg) => inHand.delete(message);
  try {
    await reached("bus.delivered", deps.stream);
    const { arrivals, rejects, failures } = await decodeBatch(deps, messages, end);
    await rejectAll(deps, rejects, end);
    const known = await pauseOfLeavers(deps, arrivals, failures);
    failures.push(...(await routeArrivals(deps, known, end, source)));
    await reached("bus.acked", deps.stream);
    await judgeFailures(deps, failures, end);
  } catch (error) {
    deps.log.error("a batch of messages failed", { stream: deps.stream, error });
  } finally {
    for (const message of inHand) message.nak(restAfterMs(message.info.deliveryCount));
  }
}

async function decodeBatch(
  deps: BatchDeps,
  messages: readonly JsMsg[],
  end: (message: JsMsg) => void,
): Promise<{ arrivals: Arrival[]; rejects: Reject[]; failures: Failure[] }> {
  const failures: Failure[] = [];
  const arrivals: Arrival[] = [];
  const rejects: Reject[] = [];
  const share = beginTurn();
  count("workflows_messages_in_total", { stream: deps.stream }, messages.length);
  for (const message of messages) {
    // Decoding a message of 1 MiB takes some ms.
    await share();
    const decoded = decode(deps, message);
    if (decoded.ok === "failed") {
      failures.push({ message, problem: decoded.problem });
    } else if (decoded.ok === true) {
      arrivals.push({ message, event: decoded.event });
      if (decoded.ignoredReport !== undefined) {
        count("workflows_events_ignored_total", { reason: decoded.ignoredReport });
      }
    } else if (decoded.ok === false) {
      rejects.push({ message, reason: decoded.reason, problem: decoded.problem });
    } else {
      count("workflows_events_ignored_total", { reason: decoded.reason });
      if (decoded.reason === "no_tenant") deps.noteTenantless(message.subject);
      finish(message, end);
    }
  }
  return { arrivals, rejects, failures };
}

/** A fault of ours may break decoding: the message comes again. */
function decode(
  deps: BatchDeps,
  message: JsMsg,
): DecodedMessage | { readonly ok: "failed"; readonly problem: string } {
  try {
    const { subject, data } = message;
    const headers = firstValuesOf(headersOf(message, deps.queue));
    return decodeBusMessage({ subject, headers, data });
  } catch (error) {
    return { ok: "failed", problem: noteFailure(deps, { streamSeq: message.seq, error }) };
  }
}

/**
 * Pauses the schedules of people who left. Gives the arrivals without those whose pause failed, or has to wait: they come again.
 */
async function pauseOfLeavers(
  deps: BatchDeps,
  arrivals: readonly Arrival[],
  failures: Failure[],
): Promise<readonly Arrival[]> {
  const left = arrivals.flatMap(({ message, event }) => {
    const leaver = leaverOf(event);
    return leaver === undefined ? [] : [{ message, leaver }];
  });
  if (left.length === 0) return arrivals;
  try {
    await pauseForLeavers(
      deps,
      left.map(({ leaver }) => leaver),
    );
    return arrivals;
  } catch (error) {
    if (!isTemporary(error)) {
      const problem = noteFailure(deps, { streamSeq: left[0]?.message.seq, error });
      failures.push(...left.map(({ message }) => ({ message, problem })));
    }
    const open = new Set(left.map(({ message }) => message));
    return arrivals.filter(({ message }) => !open.has(message));
  }
}

/** Routes plain reports beside the others. Gives the messages whose handling failed. */
async function routeArrivals(
  deps: BatchDeps,
  arrivals: readonly Arrival[],
  end: (message: JsMsg) => void,
  { reports, next }: BatchesInHand,
): Promise<Failure[]> {
  if (arrivals.length === 0) return [];
  const places = reports.plainPlaces(deps.processor, arrivals.map(eventOf));
  const plain = arrivals.filter((_, at) => places.has(at));
  const others = arrivals.filter((_, at) => !places.has(at));
  const routing = routeSome(deps, plain, end);
  reports.hold(plain.map(eventOf), routing);
  await reports.routed(others.map(eventOf));
  const failures = await routeSome(deps, others, end);
  next();
  return [...failures, ...(await routing)];
}

function eventOf({ event }: Arrival): BusEvent {
  return event;
}

/** Gives the messages whose handling failed; they and those that wait for what is away stay in hand. Never rejects. */
async function routeSome(
  deps: BatchDeps,
  arrivals: readonly Arrival[],
  end: (message: JsMsg) => void,
): Promise<Failure[]> {
  if (arrivals.length === 0) return [];
  const routed = await routeEvents(
    deps,
    arrivals.map(({ event }) => event),
  );
  await reached("bus.routed", deps.stream);
  const failures: Failure[] = [];
  for (const [at, { message, event }] of arrivals.entries()) {
    const result = routed[at];
    if (result === undefined) continue;
    const problem = concludeRouted(deps, message, event, result, end);
    if (problem !== undefined) failures.push({ message, problem });
  }
  return failures;
}

/** Ends the message, or leaves it in hand to come again; gives the problem when its handling failed. */
function concludeRouted(
  deps: BatchDeps,
  message: JsMsg,
  event: BusEvent,
  result: RoutedEvent,
  end: (message: JsMsg) => void,
): string | undefined {
  const { log, stream } = deps;
  if (result.ok) {
    finish(message, end);
    return undefined;
  }
  const { error, kind } = result;
  const facts = { stream, eventId: event.id, streamSeq: message.seq, error };
  switch (kind) {
    case "refused":
      count("workflows_events_ignored_total", { reason: "refused" });
      log.warn("an event was refused", facts);
      finish(message, end);
      return undefined;
    case "away":
      count("workflows_events_delayed_total", { stream });
      log.debug("an event waits for what is away", facts);
      return undefined;
    case "failed":
      return noteFailure(deps, facts);
  }
}

function noteFailure(
  { log, stream }: BatchDeps,
  facts: { readonly error: unknown; readonly [name: string]: unknown },
): string {
  count("workflows_events_failed_total", { stream });
  log.error("handling an event failed", facts);
  return problemOf(facts.error);
}

function problemOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
