/**
 * The standing loop of one source: find the consumer, pull, hand over, for as long as the service
 * runs, whatever happens to server, stream or consumer.
 *
 * Boundary: pulling; what is done with messages is decided elsewhere.
 * Invariants:
 * 1. Every wait has an end, and every failure leads back to the top after a pause.
 * 2. A pull takes no more than there is room for, and every message that was delivered says that it is in work until it
 *    is ended.
 * 3. A pull that follows a message is short. It grows while none comes, and takes one message then: an idle source costs little.
 *    NATS says that the pull is alive every HEARTBEAT_MS, and that the consumer is gone. A new connection ends the pull.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Consumer,
  type ConsumerMessages,
  Events,
  type JsMsg,
  type NatsConnection,
  type Subscription,
} from "nats";
import { type Batcher, createBatcher } from "./batcher.ts";
import { type ConsumerDeps, noteFloor, openConsumer } from "./durable-consumer.ts";
import { createHeldMessages } from "./held-messages.ts";
import { type PullState, PullStatus } from "./pull-status.ts";

/** What a loop needs. */
export interface PullDeps extends ConsumerDeps {
  /** Ends every message of the batch. Never rejects. `next`, if it is called, lets the next batch begin before that. */
  handle(batch: readonly JsMsg[], next: () => void): Promise<void>;
}

/** A loop at work. */
export interface PullLoop {
  state(): PullState;
  /** Pulls no more; resolves when what is in hand is handled. */
  stop(): Promise<void>;
}

const MESSAGES_A_PULL = 200;
const BYTES_A_BATCH = 8 * 1024 * 1024;
// A stop waits for a short pull to end: what is on its way to one that is broken off may be delivered to no consumer for ACK_WAIT_MS.
// A longer one is broken off. It began after a pull to which nothing came.
const SHORT_PULL_MS = 1_000;
const LONGEST_PULL_MS = 30_000;
/** A pull that the server has lost, as by a new leader of the consumer, is noticed after two that did not come. */
const HEARTBEAT_MS = 5_000;
/** How long a server may take to confirm that it knows of a pull that was broken off. */
const BREAK_OFF_MS = 1_000;
const FLOOR_EVERY_MS = 10_000;
const FIRST_MISSING_PAUSE_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** The pull under way, or the last one, and how long the next one may take. */
interface Pulls {
  current?: ConsumerMessages;
  expiresMs: number;
}

/** Starts pulling from a source. */
export function startPullLoop(deps: PullDeps): PullLoop {
  const ending = new AbortController();
  const { signal } = ending;
  const status = new PullStatus(deps.plan, deps.log);
  const inHand = createMessagesInHand(deps);
  const noteAtTimes = floorNotes(deps);
  const pulls: Pulls = { expiresMs: SHORT_PULL_MS };
  let missingPauseMs = FIRST_MISSING_PAUSE_MS;
  void endPullsAtReconnect(deps.connection, pulls);

  async function pullOn(onProgress: () => void): Promise<void> {
    const consumer = await openConsumer(deps);
    if (consumer === undefined) {
      // At the first look the service may be about to make the stream.
      const isFirst = status.state === "starting" && missingPauseMs === FIRST_MISSING_PAUSE_MS;
      if (!isFirst) status.become("waiting");
      await pause(missingPauseMs, signal);
      missingPauseMs = Math.min(missingPauseMs * 2, LONGEST_PAUSE_MS);
      return;
    }
    missingPauseMs = FIRST_MISSING_PAUSE_MS;
    status.become("pulling");
    pulls.expiresMs = SHORT_PULL_MS;
    while (!signal.aborted) {
      const pulled = await pullOnce(consumer, inHand, pulls, signal);
      pulls.expiresMs = pulled > 0 ? SHORT_PULL_MS : Math.min(2 * pulls.expiresMs, LONGEST_PULL_MS);
      onProgress();
      await noteAtTimes(consumer, pulled);
    }
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        await pullOn(() => {
          pauseMs = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (signal.aborted) break;
        status.become("failing", error);
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  const running = run();
  return {
    state: () => status.state,
    async stop() {
      ending.abort();
      await running;
      await inHand.drained();
    },
  };
}

/** Messages from their delivery until they are handled: they wait for a batch, and say that they are in work. */
function createMessagesInHand({ handle }: PullDeps): Batcher<JsMsg> {
  const held = createHeldMessages();
  const batcher = createBatcher<JsMsg>({
    itemsAtMost: MESSAGES_A_PULL,
    bytesAtMost: BYTES_A_BATCH,
    bytesOf: (message) => message.data.byteLength,
    async work(batch, next) {
      await handle(batch, next);
      held.remove(batch);
    },
  });
  return {
    ...batcher,
    put(message) {
      held.add(message);
      batcher.put(message);
    },
  };
}

/** Takes as many messages as there is room for, or the first one after a while; gives how many came. */
async function pullOnce(
  consumer: Consumer,
  inHand: Batcher<JsMsg>,
  pulls: Pulls,
  signal: AbortSignal,
): Promise<number> {
  const room = await inHand.room();
  const { expiresMs } = pulls;
  const isLong = expiresMs > SHORT_PULL_MS;
  const pull = await consumer.fetch({
    // What NATS gives to a replica that has died or stands still waits for ACK_WAIT_MS: to the long pull of one it gives no more.
    max_messages: isLong ? 1 : room,
    expires: expiresMs,
    // The server takes half of the pull's time at most.
    idle_heartbeat: Math.min(HEARTBEAT_MS, expiresMs / 2),
  });
  pulls.current = pull;
  const end = () => breakOff(pull);
  if (isLong) {
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }
  let pulled = 0;
  try {
    for await (const message of pull) {
      pulled += 1;
      // Not before this pull has ended: it would come here again.
      if (signal.aborted) message.nak(SHORT_PULL_MS);
      else inHand.put(message);
    }
  } finally {
    signal.removeEventListener("abort", end);
  }
  return pulled;
}

/** Ends a pull; it gives what NATS had sent before it knew. */
function breakOff(pull: ConsumerMessages): void {
  // The client has no verb for it. It ends a pull whose subscription was drained, as it does when the connection is.
  const { sub } = pull as { readonly sub?: Subscription };
  if (sub === undefined || sub.isClosed()) {
    pull.stop();
    return;
  }
  void sub.drain().catch(() => pull.stop());
  // A server that does not answer must not hold up the stop for as long as the pull may take.
  setTimeout(() => pull.stop(), BREAK_OFF_MS).unref();
}

/**
 * Ends the pull under way when NATS is connected again: no server knows it. The client would ask once more within the same pull, and
 * where that fails, as while the consumer has no leader, only after about as long as the pull may take.
 */
async function endPullsAtReconnect(connection: NatsConnection, pulls: Pulls): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type !== Events.Reconnect) continue;
    pulls.expiresMs = SHORT_PULL_MS;
    pulls.current?.stop();
  }
}

/**
 * Notes at times where a consumer begins that has to be made anew: what was handled since then is delivered twice. Of a source that
 * was idle since the last note nothing is asked.
 */
function floorNotes(deps: ConsumerDeps): (consumer: Consumer, pulled: number) => Promise<void> {
  let nextAtMs = 0;
  let isNews = true;
  return async (consumer, pulled) => {
    isNews ||= pulled > 0;
    if (!isNews || performance.now() < nextAtMs) return;
    nextAtMs = performance.now() + FLOOR_EVERY_MS;
    await noteFloor(deps, consumer);
    // What the pull before this note brought may still be in hand.
    isNews = pulled > 0;
  };
}

/** Waits, until the service stops at most. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
