/**
 * Publishes what was committed: at least once, in order per run, the same ids on every repeat.
 * Boundary: leases of partitions and the pace; which events there are is event-chains.ts.
 * Invariants:
 * 1. A partition is published by the replica that holds its lease; a lease is trusted a second less than it lasts.
 * 2. A run's next event goes out after the acknowledgement of the last one; runs go side by side, 256 at most.
 * 3. A batch is marked after all its events are acknowledged; until then it is read again.
 * 4. A bus that is away costs nothing but time: events wait in the table, in order.
 */
import type { NatsConnection } from "nats";
import { createRounds } from "../../process/rounds.ts";
import { PARTITIONS } from "../../runtime/partition.ts";
import type { StreamLimits } from "../../runtime/stream-limits.ts";
import type { Committed } from "../../runtime/submission.ts";
import {
  letGoPartitions,
  listUnpublished,
  markPublished,
  PARTITION_LEASE_MS,
  takePartitions,
} from "../../store/outbox.ts";
import type { OutgoingEvent } from "../../wire/events/cloud-events.ts";
import { openAckedPublish } from "./acked-publish.ts";
import { type EventChain, type EventChainDeps, makeChains } from "./event-chains.ts";
import { openOwnStream } from "./own-stream.ts";

/** What the publisher works with. */
export interface PublisherDeps extends EventChainDeps {
  readonly connection: NatsConnection;
  /** The stream that the events go to; made when it is missing. */
  readonly stream: string;
  readonly limits: StreamLimits;
  readonly replicaId: string;
}

/** The publisher of one replica. */
export interface Publisher {
  /** Something was committed: it is published at once where this replica holds the partition. */
  notice(batches: Committed["batches"]): void;
  start(): void;
  /** Why nothing can be published, in words; undefined: nothing is wrong. */
  trouble(): string | undefined;
  /** Publishes what is left, 5 s at most, then lets go of its partitions. */
  stop(): Promise<void>;
}

const BATCHES_AT_ONCE = 64;
const CHAINS_AT_ONCE = 256;
const POLL_EVERY_MS = 250;
const LEASE_EVERY_MS = 3_000;
const LEASE_TRUST_MS = PARTITION_LEASE_MS - 1_000;
const FLUSH_MS = 5_000;
const TRIES_A_ROUND = 4;
const FIRST_PAUSE_MS = 50;

/** Makes a publisher. */
export function createPublisher(deps: PublisherDeps): Publisher {
  const { database, log, connection, stream, replicaId } = deps;
  const bus = openAckedPublish(connection, stream);
  const ownStream = openOwnStream({ ...deps, bus });
  let partitions: readonly number[] = [];
  let trustedUntilMs = 0;
  let stoppingAtMs = Number.POSITIVE_INFINITY;
  let refusal: string | undefined;

  async function lease(): Promise<boolean> {
    const askedAtMs = performance.now();
    const before = partitions.length;
    partitions = await takePartitions(database, replicaId, PARTITIONS);
    trustedUntilMs = askedAtMs + LEASE_TRUST_MS;
    if (partitions.length > before) publishing.wake();
    return false;
  }

  const mayGoOn = () => {
    const nowMs = performance.now();
    return nowMs < trustedUntilMs && nowMs < stoppingAtMs;
  };

  async function publish(): Promise<boolean> {
    if (!bus.connected || partitions.length === 0 || !mayGoOn()) return false;
    if (!(await ownStream.ready(partitions))) return false;
    refusal = undefined;
    const batches = await listUnpublished(database, partitions, BATCHES_AT_ONCE);
    if (batches.length === 0) {
      ownStream.report(undefined);
      return false;
    }
    const open = new Set<number>();
    for await (const chains of makeChains(deps, batches)) await publishChains(chains, open);
    if (bus.connected) ownStream.report(refusal);
    const done = batches.flatMap(({ id }) => (open.has(id) ? [] : [id]));
    if (done.length > 0) await markPublished(database, done);
    return done.length > 0;
  }

  /** Sends chains side by side; batches with events that were not sent are added to `open`. */
  async function publishChains(chains: readonly EventChain[], open: Set<number>): Promise<void> {
    const left = chains.values();
    const sendNext = async () => {
      for (const chain of left) await publishChain(chain, open);
    };
    await Promise.all(Array.from({ length: Math.min(CHAINS_AT_ONCE, chains.length) }, sendNext));
  }

  async function publishChain({ links }: EventChain, open: Set<number>): Promise<void> {
    let broken = false;
    for (const { batchId, events } of links) {
      for (const event of events) {
        if (!broken && !(await publishUntilStored(event))) broken = true;
      }
      if (broken) open.add(batchId);
    }
  }

  async function publishUntilStored(event: OutgoingEvent): Promise<boolean> {
    // What is not stored by then is tried again with the next round: nothing else waits for it for ever.
    for (let tries = 1; tries <= TRIES_A_ROUND && mayGoOn(); tries += 1) {
      const outcome = await bus.publish(event);
      if (outcome === "stored") return true;
      if (outcome === "too_large") {
        log.error("an event is larger than the bus takes and is skipped", { eventId: event.id });
        return true;
      }
      if (!bus.connected) return false;
      // The round ends here; the next one begins with a look at the stream.
      if (outcome !== "lost" || tries === TRIES_A_ROUND) refusal = bus.refusal;
      if (outcome !== "lost") return false;
      await pause(FIRST_PAUSE_MS * 2 ** tries);
    }
    return false;
  }

  const publishing = createRounds({
    name: "publish events",
    everyMs: POLL_EVERY_MS,
    log,
    round: publish,
  });
  const leasing = createRounds({
    name: "lease partitions",
    everyMs: LEASE_EVERY_MS,
    log,
    round: lease,
  });

  return {
    notice(batches) {
      if (batches.some(({ partition }) => partitions.includes(partition))) publishing.wake();
    },
    trouble: () => ownStream.trouble,
    start() {
      leasing.start();
      publishing.start();
    },
    async stop() {
      stoppingAtMs = performance.now() + FLUSH_MS;
      await Promise.all([publishing.stop(), leasing.stop()]);
      try {
        while (await publish());
        await letGoPartitions(database, replicaId);
      } catch (error) {
        log.warn("events are left in the outbox; they are published later", { error });
      }
      bus.stop();
    },
  };
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
