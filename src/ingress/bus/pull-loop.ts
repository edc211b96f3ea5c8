/**
 * The standing loop of one source: find the consumer, pull, hand over, for as long as the service
 * runs, whatever happens to server, stream or consumer.
 *
 * Boundary: pulling; what is done with messages is handle-batch.ts's.
 * Invariant: every wait has an end, and every failure leads back to the top after a pause.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, JsMsg } from "nats";
import { createBatcher } from "./batcher.ts";
import { type ConsumerDeps, openConsumer } from "./durable-consumer.ts";
import { type BatchDeps, handleBatch } from "./handle-batch.ts";

/** What a loop needs. */
export type PullDeps = Omit<BatchDeps, "stream" | "onFinished"> & ConsumerDeps;

/** Where a loop stands; `waiting`: its stream is missing. */
export type PullState = "starting" | "pulling" | "waiting" | "failing";

/** A loop at work. */
export interface PullLoop {
  state(): PullState;
  /** Pulls no more; resolves when what is in hand is handled. */
  stop(): Promise<void>;
}

const MESSAGES_A_PULL = 200;
const BYTES_A_BATCH = 8 * 1024 * 1024;
// A stop waits for the pull to end: what is on its way to one that was broken off is given to nobody for ACK_WAIT_MS.
const PULL_EXPIRES_MS = 1_000;
const MISSING_PAUSE_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Starts pulling from a source. */
export function startPullLoop(deps: PullDeps): PullLoop {
  const { plan, memory, log } = deps;
  const ending = new AbortController();
  const batchDeps: BatchDeps = {
    ...deps,
    stream: plan.stream,
    onFinished: (seq) => memory.unfinished.delete(seq),
  };
  const batcher = createBatcher<JsMsg>({
    itemsAtMost: MESSAGES_A_PULL,
    bytesAtMost: BYTES_A_BATCH,
    bytesOf: (message) => message.data.byteLength,
    work: (batch) => handleBatch(batchDeps, batch),
  });
  let state: PullState = "starting";
  let wasMissing = false;

  function become(next: PullState, error?: unknown): void {
    if (state === next) return;
    state = next;
    const facts = { consumer: plan.durable, stream: plan.stream, ...(error ? { error } : {}) };
    if (next === "pulling") log.info("listening to a source", facts);
    if (next === "waiting") log.warn("waiting for a source stream that is missing", facts);
    if (next === "failing") log.warn("a source cannot be read; tried again", facts);
  }

  async function pullOnce(consumer: Consumer): Promise<void> {
    const pull = await consumer.fetch({ max_messages: MESSAGES_A_PULL, expires: PULL_EXPIRES_MS });
    for await (const message of pull) {
      if (ending.signal.aborted) {
        // Not before this pull has ended: it would come here again.
        message.nak(PULL_EXPIRES_MS);
        continue;
      }
      memory.unfinished.add(message.seq);
      memory.highest = Math.max(memory.highest, message.seq);
      await batcher.put(message);
    }
  }

  async function pullOn(onProgress: () => void): Promise<void> {
    const consumer = await openConsumer(deps);
    if (consumer === undefined) {
      // At the first look the service may be about to make the stream.
      if (wasMissing || state !== "starting") become("waiting");
      wasMissing = true;
      await pause(MISSING_PAUSE_MS);
      return;
    }
    become("pulling");
    while (!ending.signal.aborted) {
      await pullOnce(consumer);
      onProgress();
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined);
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!ending.signal.aborted) {
      try {
        await pullOn(() => {
          pauseMs = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (ending.signal.aborted) break;
        become("failing", error);
        await pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  const running = run();
  return {
    state: () => state,
    async stop() {
      ending.abort();
      await running;
      await batcher.drained();
    },
  };
}
