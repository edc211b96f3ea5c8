/**
 * Publishes what was committed: at least once, in order per run, the same ids on every repeat.
 * Boundary: the rounds and their pace; which events there are is event-chains.ts, how they are sent send-chains.ts.
 * Invariants:
 * 1. A partition is published by the replica that holds its lease; a lease is trusted a second less than it lasts.
 * 2. A run's next event goes out after the acknowledgement of the last one; runs go side by side, 256 at most.
 * 3. A batch is marked after all its events are acknowledged, while the lease lasts (sent-batches.ts). What is not marked is
 *    sent again by the next holder of the lease, or by this one after it has lost the stream.
 * 4. A bus that is away costs nothing but time: events wait in the table, in order.
 * 5. What another replica committed is sent when its hint comes (outbox-hints.ts), and without one after IDLE_POLL_MS.
 * 6. Partitions above an even share are let go between two rounds, when nothing of them is on its way and what was sent is marked.
 */
import type { NatsConnection } from "nats";
import { reached } from "../../process/crash-points.ts";
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import type { StreamLimits } from "../../runtime/stream-limits.ts";
import type { Committed } from "../../runtime/submission.ts";
import { markPublished, type SentBatch } from "../../store/mark-published.ts";
import { listUnpublished, type UnpublishedBatch } from "../../store/outbox.ts";
import { openAckedPublish } from "./acked-publish.ts";
import { AnnouncedStarts } from "./announced-starts.ts";
import { CountedMoves } from "./counted-moves.ts";
import { type EventChainDeps, makeChains } from "./event-chains.ts";
import { KeptBatches } from "./kept-batches.ts";
import { BATCHES_AT_ONCE, NextBatches, type Unsent } from "./next-batches.ts";
import { type Notices, openNotices } from "./notices.ts";
import { type OwnStream, openOwnStream } from "./own-stream.ts";
import { PartitionLease } from "./partition-lease.ts";
import { type SendRound, sendChains } from "./send-chains.ts";
import { createSentBatches, type SentBatches } from "./sent-batches.ts";

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
  /** The partitions that this replica publishes now, and the other replicas that hold leases. */
  readonly share: Pick<PartitionLease, "partitions" | "others">;
  start(): void;
  /** Why nothing can be published, in words; undefined: nothing is wrong. */
  trouble(): string | undefined;
  /** Publishes what is left, 5 s at most, then lets go of its partitions. */
  stop(): Promise<void>;
}

/** The list holds what was sent and is not marked yet as well. */
const UNMARKED_AT_MOST = 1_024;
/** Pause after a round that sent something, or could not; and after one that found nothing: commits wake the loop, and hints do. */
const POLL_MS = 250;
const IDLE_POLL_MS = 1_000;
const LEASE_EVERY_MS = 3_000;
const FLUSH_MS = 5_000;

/** Makes a publisher. */
export function createPublisher(deps: PublisherDeps): Publisher {
  const { database, log } = deps;
  const bus = openAckedPublish(deps.connection, deps.stream);
  const ownStream = openOwnStream({ ...deps, bus, beforeLook: () => sent.settle() });
  const lease = new PartitionLease(database, deps.replicaId);
  const announced = new AnnouncedStarts(database);
  const kept = new KeptBatches();
  const next = new NextBatches(kept, () => listUnsent(database, lease.partitions, sent));
  const sent = createSentBatches({
    log,
    onForgotten: () => next.forget(),
    // Not current: another replica may have looked for losses without what only this one knows. All is sent again.
    mayMark: () => ownStream.isCurrent && !lease.isOver,
    mark: (batches) => mark(deps, bus.acked.highest, batches),
  });
  let stoppingAtMs = Number.POSITIVE_INFINITY;
  const isOver = () => lease.isOver || performance.now() >= stoppingAtMs;
  const mayGoOn = () => !isOver() && ownStream.isCurrent;

  async function publish(): Promise<boolean | number> {
    if (!isOver()) await handOver({ lease, sent, next, notices });
    kept.sweep(lease.partitions);
    if (!bus.connected || lease.partitions.length === 0 || isOver()) return false;
    if (!(await ownStream.ready(lease.partitions))) return false;
    const { batches, isFull } = await next.take();
    if (batches.length === 0) {
      ownStream.report(undefined);
      return IDLE_POLL_MS;
    }
    const round: SendRound = { bus, log, mayGoOn, open: new Set(), refusal: undefined };
    const done = await send({ ...deps, ...announced }, round, batches, kept);
    if (bus.connected) ownStream.report(round.refusal);
    for (const { id } of done) next.noteSent(id, mayGoOn());
    if (done.length === 0 || !ownStream.isCurrent) return false;
    sent.add(done);
    // What was committed here since the list was read has woken the loop.
    return isFull || done.length < batches.length;
  }

  const publishing = createPublishing(publish, { kept, sent }, log);
  const leasing = createLeasing(lease, log, { publishing, sent, ownStream, announced });
  const notices = openNotices(deps, { ...{ bus, kept, next, lease, sent }, publishing, leasing });

  return {
    notice: notices.notice,
    share: lease,
    trouble: () => ownStream.trouble,
    start() {
      for (const loop of [leasing, publishing, sent]) loop.start();
    },
    async stop() {
      stoppingAtMs = performance.now() + FLUSH_MS;
      next.last();
      await Promise.all([publishing.stop(), leasing.stop()]);
      await flush(publish, sent, lease).catch((error) => warnOfLeft(log, error));
      notices.stop();
      bus.stop();
    },
  };
}

interface HandOverParts {
  readonly lease: PartitionLease;
  readonly sent: SentBatches;
  readonly next: NextBatches;
  readonly notices: Notices;
}

/** Lets go of what is above the replica's share. */
async function handOver({ lease, sent, next, notices }: HandOverParts): Promise<void> {
  const { surplus } = lease;
  if (surplus.length === 0) return;
  await sent.mark();
  await lease.handOver(surplus);
  // Another replica goes on with their runs.
  next.forget();
  notices.tellLetGo();
}

function warnOfLeft(log: Log, error: unknown): void {
  log.warn("events are left in the outbox; they are published later", { error });
}

async function flush(
  publish: () => Promise<boolean | number>,
  sent: SentBatches,
  lease: PartitionLease,
): Promise<void> {
  try {
    while ((await publish()) === true);
  } finally {
    await sent.stop();
    await lease.letGo();
  }
}

/** The next batches of the table without those that were sent already. */
async function listUnsent(
  database: PublisherDeps["database"],
  partitions: readonly number[],
  sent: SentBatches,
): Promise<Unsent> {
  if (sent.ids().size >= UNMARKED_AT_MOST) await sent.mark();
  const ids = sent.ids();
  const limit = BATCHES_AT_ONCE + ids.size;
  const listed = await listUnpublished(database, partitions, limit);
  await reached("outbox.read");
  return { batches: listed.filter(({ id }) => !ids.has(id)), isFull: listed.length === limit };
}

/** Publishes round after round. */
function createPublishing(
  publish: () => Promise<boolean | number>,
  { kept, sent }: { readonly kept: KeptBatches; readonly sent: SentBatches },
  log: Log,
): StandingLoop {
  return createLoop({
    name: "publish events",
    everyMs: POLL_MS,
    log,
    async round() {
      try {
        return await publish();
      } catch (error) {
        // A database that goes on from an older state gives the ids of batches again.
        kept.clear();
        await sent.settle();
        throw error;
      }
    },
  });
}

/** Renews the lease; publishing goes on at once where there are more partitions, or more than the replica's share. */
function createLeasing(
  lease: PartitionLease,
  log: Log,
  { publishing, sent, ownStream, announced }: LeasingParts,
): StandingLoop {
  return createLoop({
    name: "lease partitions",
    everyMs: LEASE_EVERY_MS,
    log,
    async round() {
      // Another replica may have put what was sent into the outbox again.
      if (lease.isOver) await sent.settle();
      // Before this replica may have runs to publish.
      await announced.refresh();
      const hasMore = await lease.renew();
      // What the stream lost of them may be known to nobody yet.
      if (hasMore) ownStream.lookAgain();
      if (hasMore || lease.surplus.length > 0) publishing.wake();
      return false;
    },
  });
}

interface LeasingParts {
  readonly publishing: StandingLoop;
  readonly sent: SentBatches;
  readonly ownStream: OwnStream;
  readonly announced: AnnouncedStarts;
}

/** Sends the events of these batches; gives the batches of which all are acknowledged, with what they count. */
async function send(
  deps: EventChainDeps,
  round: SendRound,
  batches: readonly UnpublishedBatch[],
  kept: KeptBatches,
): Promise<SentBatch[]> {
  const counted = new CountedMoves();
  for await (const chains of makeChains(deps, batches, kept, counted)) {
    await sendChains(round, chains);
  }
  const done = batches.filter(({ id }) => !round.open.has(id));
  return done.map(({ id, partition }) => ({ id, partition, counts: counted.of(id) }));
}

/** Marks these batches, where our stream has acknowledged `seq`. */
async function mark(
  { database, replicaId, stream }: PublisherDeps,
  seq: number,
  done: readonly SentBatch[],
): Promise<void> {
  await markPublished(database, replicaId, done, { stream, seq });
  await reached("outbox.marked");
}
