/**
 * The standing loop of one source: find the consumer, pull, hand over, for as long as the service
 * runs, whatever happens to server, stream or consumer.
 *
 * Boundary: pulling; what is done with messages is handle-batch.ts's.
 * Invariants:
 * 1. Every wait has an end, and every failure leads back to the top after a pause.
 * 2. A pull takes no more than there is room for, and every message that was delivered says that it is in work until it
 *    is ended.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, JsMsg } from "nats";
import { createBatcher } from "./batcher.ts";
import { type ConsumerDeps, openConsumer } from "./durable-consumer.ts";
import { type BatchDeps, handleBatch } from "./handle-batch.ts";
import { createHeldMessages } from "./held-messages.ts";
import { createTenantlessNotice } from "./tenantless.ts";

/** What a loop needs. */
export type PullDeps = Omit<BatchDeps, "stream" | "noteTenantless"> & ConsumerDeps;

/** Where a loop stands; `waiting`: its stream is missing. */
type PullState = "starting" | "pulling" | "waiting" | "failing";

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
const FLOOR_EVERY_MS = 5_000;
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
    noteTenantless: createTenantlessNotice(log, plan.stream),
  };
  const held = createHeldMessages();
  const batcher = createBatcher<JsMsg>({
    itemsAtMost: MESSAGES_A_PULL,
    bytesAtMost: BYTES_A_BATCH,
    bytesOf: (message) => message.data.byteLength,
    async work(batch) {
      await handleBatch(batchDeps, batch);
      held.remove(batch);
    },
  });
  let state: PullState = "starting";
  let wasMissing = false;
  let nextFloorAtMs = 0;

  function become(next: PullState, error?: unknown): void {
    if (state === next) return;
    state = next;
    const facts = { consumer: plan.durable, stream: plan.stream, ...(error ? { error } : {}) };
    if (next === "pulling") log.info("listening to a source", facts);
    if (next === "waiting") log.warn("waiting for a source stream that is missing", facts);
    if (next === "failing") log.warn("a source cannot be read; tried again", facts);
  }

  async function pullOnce(consumer: Consumer): Promise<void> {
    const room = await batcher.room();
    const pull = await consumer.fetch({ max_messages: room, expires: PULL_EXPIRES_MS });
    for await (const message of pull) {
      if (ending.signal.aborted) {
        // Not before this pull has ended: it would come here again.
        message.nak(PULL_EXPIRES_MS);
        continue;
      }
      held.add(message);
      batcher.put(message);
    }
  }

  /** Where a consumer begins that has to be made anew: what was handled since then is delivered twice. */
  async function noteFloor(consumer: Consumer): Promise<void> {
    if (performance.now() < nextFloorAtMs) return;
    nextFloorAtMs = performance.now() + FLOOR_EVERY_MS;
    const { ack_floor } = await consumer.info();
    memory.ackFloor = ack_floor.stream_seq;
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
      await noteFloor(consumer);
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
