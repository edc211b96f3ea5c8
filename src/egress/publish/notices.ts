/**
 * Publishes what this replica commits as soon as it is told, and tells the other replicas of what is theirs.
 * Boundary: wakes the publisher's loops and says what they take from memory; a notice that is lost costs time alone.
 */
import type { StandingLoop } from "../../process/standing-loop.ts";
import type { Committed } from "../../runtime/submission.ts";
import type { AckedPublish } from "./acked-publish.ts";
import type { KeptBatches } from "./kept-batches.ts";
import type { NextBatches } from "./next-batches.ts";
import { type OutboxHintsDeps, openOutboxHints } from "./outbox-hints.ts";
import type { PartitionLease } from "./partition-lease.ts";
import type { SentBatches } from "./sent-batches.ts";

/** What is told of commits. */
export interface NoticeParts {
  readonly bus: AckedPublish;
  readonly kept: KeptBatches;
  readonly next: NextBatches;
  readonly lease: PartitionLease;
  readonly sent: SentBatches;
  readonly publishing: StandingLoop;
  readonly leasing: StandingLoop;
}

/** Commits and hints, in and out. */
export interface Notices {
  /** As Publisher.notice. */
  notice(batches: Committed["batches"]): void;
  /** Tells the other replicas that this one let go of partitions. */
  tellLetGo(): void;
  /** What this replica published is another one's from now on, which is told. */
  stop(): void;
}

/** Starts listening to the hints of others. */
export function openNotices(
  deps: Omit<OutboxHintsDeps, "onHint" | "onLetGo">,
  { bus, kept, next, lease, sent, publishing, leasing }: NoticeParts,
): Notices {
  const hints = openOutboxHints({
    ...deps,
    onHint() {
      next.mustList();
      publishing.wake();
    },
    onLetGo: () => leasing.wake(),
  });
  return {
    tellLetGo: () => hints.sendLetGo(),
    notice(batches) {
      const own = batches.filter((batch) => isToSend(batch, lease, sent));
      if (!kept.keep(own)) next.mustList();
      if (own.length > 0) publishing.wake();
      if (bus.connected && batches.some((batch) => !isLeased(batch, lease))) hints.send();
    },
    stop() {
      hints.sendLetGo();
      hints.stop();
    },
  };
}

/** A list may have had a batch sent before it is known here that its commit was answered. */
function isToSend(
  batch: Committed["batches"][number],
  lease: PartitionLease,
  sent: SentBatches,
): boolean {
  return isLeased(batch, lease) && !sent.has(batch.id);
}

function isLeased(
  { partition }: Committed["batches"][number],
  { partitions }: PartitionLease,
): boolean {
  return partitions.includes(partition);
}
