/**
 * The partitions whose events this replica publishes, leased for a few seconds at a time, and the other replicas that hold leases.
 * Boundary: trusts a lease a second less than it lasts, by a clock that only goes forward.
 * Invariants:
 * 1. Of n replicas none keeps more than the nth part of the partitions, rounded up. What is above that it lets go, between two
 *    rounds of the publisher.
 * 2. A replica that holds no partition shows itself in the same table, so that the others let go of some.
 */
import { reached } from "../../process/crash-points.ts";
import { PARTITIONS } from "../../runtime/partition.ts";
import type { Database } from "../../store/database.ts";
import {
  letGoPartitions,
  PARTITION_LEASE_MS,
  showReplica,
  type TakenPartitions,
  takePartitions,
} from "../../store/outbox.ts";

const TRUST_MS = PARTITION_LEASE_MS - 1_000;
const NOTHING: TakenPartitions = { partitions: [], untilMs: 0, others: [] };

/** See the file's head. */
export class PartitionLease {
  readonly #database: Database;
  readonly #replicaId: string;
  #taken = NOTHING;
  #trustedUntilMs = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(database: Database, replicaId: string) {
    this.#database = database;
    this.#replicaId = replicaId;
  }

  get partitions(): readonly number[] {
    return this.#taken.partitions;
  }
  /** Ids of the other replicas that held leases at the last renewal. */
  get others(): readonly string[] {
    return this.#taken.others;
  }
  /** Whether another replica may hold them now. */
  get isOver(): boolean {
    return performance.now() >= this.#trustedUntilMs;
  }
  /** What is above this replica's share. */
  get surplus(): readonly number[] {
    return this.partitions.slice(this.#share);
  }
  get #share(): number {
    return Math.ceil(PARTITIONS / (1 + this.others.length));
  }

  /** Renews the lease, with a share of the partitions; gives true when there are others than before among them. */
  renew(): Promise<boolean> {
    return this.#inTurn(() => this.#renew());
  }
  async #renew(): Promise<boolean> {
    const askedAtMs = performance.now();
    const before = this.partitions;
    this.#taken = await takePartitions(this.#database, this.#replicaId, PARTITIONS);
    this.#trustedUntilMs = askedAtMs + TRUST_MS;
    await reached("partitions.leased");
    if (this.partitions.length === 0 && this.others.length > 0) {
      await showReplica(this.#database, this.#replicaId, PARTITIONS);
    }
    return this.partitions.some((partition) => !before.includes(partition));
  }
  /** Other replicas take these at once; nothing of them may be on its way. */
  handOver(partitions: readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const kept = this.partitions.filter((partition) => !partitions.includes(partition));
      this.#taken = { ...this.#taken, partitions: kept };
      const { untilMs } = this.#taken;
      await letGoPartitions(this.#database, this.#replicaId, { partitions, untilMs });
    });
  }
  /** Other replicas take all of them at once. */
  async letGo(): Promise<void> {
    this.#taken = NOTHING;
    await letGoPartitions(this.#database, this.#replicaId);
  }

  /** What is let go must not come back by the answer of a renewal that was asked before. */
  #inTurn<Done>(work: () => Promise<Done>): Promise<Done> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
