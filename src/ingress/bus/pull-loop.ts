/**
 * The standing loop of one source: find the consumer, pull, hand over, for as long as the service
 * runs, whatever happens to server, stream or consumer.
 *
 * Boundary: pulling; what is done with messages is decided elsewhere.
 * Invariants:
 * 1. Every wait has an end, and every failure leads back to the top after a pause.
 * 2. A pull takes no more than there is room for, and every message that was delivered says that it is in work until it
 *    is ended.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, JsMsg } from "nats";
import { type Batcher, createBatcher } from "./batcher.ts";
import { type ConsumerDeps, noteFloor, openConsumer } from "./durable-consumer.ts";
import { createHeldMessages } from "./held-messages.ts";
import { type PullState, PullStatus } from "./pull-status.ts";

/** What a loop needs. */
export interface PullDeps extends ConsumerDeps {
  /** Ends every message of the batch. Never rejects. */
  handle(batch: readonly JsMsg[]): Promise<void>;
}

/** A loop at work. */
export interface PullLoop {
  state(): PullState;
  /** Pulls no more; resolves when what is in hand is handled. */
  stop(): Promise<void>;
}

const MESSAGES_A_PULL = 200;
const BYTES_A_BATCH = 8 * 1024 * 1024;
// A stop waits for the pull to end: what is on its way to one that was broken off is delivered to no consumer for ACK_WAIT_MS.
const PULL_EXPIRES_MS = 1_000;
const FLOOR_EVERY_MS = 10_000;
const MISSING_PAUSE_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Starts pulling from a source. */
export function startPullLoop(deps: PullDeps): PullLoop {
  const ending = new AbortController();
  const { signal } = ending;
  const status = new PullStatus(deps.plan, deps.log);
  const inHand = createMessagesInHand(deps);
  const noteAtTimes = floorNotes(deps);
  let wasMissing = false;

  async function pullOn(onProgress: () => void): Promise<void> {
    const consumer = await openConsumer(deps);
    if (consumer === undefined) {
      // At the first look the service may be about to make the stream.
      if (wasMissing || status.state !== "starting") status.become("waiting");
      wasMissing = true;
      await pause(MISSING_PAUSE_MS, signal);
      return;
    }
    status.become("pulling");
    while (!signal.aborted) {
      await pullOnce(consumer, inHand, signal);
      onProgress();
      await noteAtTimes(consumer);
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
    async work(batch) {
      await handle(batch);
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

/** Takes as many messages as there is room for. */
async function pullOnce(
  consumer: Consumer,
  inHand: Batcher<JsMsg>,
  signal: AbortSignal,
): Promise<void> {
  const room = await inHand.room();
  const pull = await consumer.fetch({ max_messages: room, expires: PULL_EXPIRES_MS });
  for await (const message of pull) {
    // Not before this pull has ended: it would come here again.
    if (signal.aborted) message.nak(PULL_EXPIRES_MS);
    else inHand.put(message);
  }
}

/** Notes at times where a consumer begins that has to be made anew: what was handled since then is delivered twice. */
function floorNotes(deps: ConsumerDeps): (consumer: Consumer) => Promise<void> {
  let nextAtMs = 0;
  return async (consumer) => {
    if (performance.now() < nextAtMs) return;
    nextAtMs = performance.now() + FLOOR_EVERY_MS;
    await noteFloor(deps, consumer);
  };
}

/** Waits, until the service stops at most. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
