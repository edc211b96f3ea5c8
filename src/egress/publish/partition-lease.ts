/**
 * The partitions whose events this replica publishes, leased for a few seconds at a time.
 * Boundary: trusts a lease a second less than it lasts, by a clock that only goes forward.
 */
import { reached } from "../../process/crash-points.ts";
import { PARTITIONS } from "../../runtime/partition.ts";
import type { Database } from "../../store/database.ts";
import { letGoPartitions, PARTITION_LEASE_MS, takePartitions } from "../../store/outbox.ts";

const TRUST_MS = PARTITION_LEASE_MS - 1_000;

/** See the file's head. */
export class PartitionLease {
  readonly #database: Database;
  readonly #replicaId: string;
  #partitions: readonly number[] = [];
  #trustedUntilMs = 0;

  constructor(database: Database, replicaId: string) {
    this.#database = database;
    this.#replicaId = replicaId;
  }

  get partitions(): readonly number[] {
    return this.#partitions;
  }
  /** Whether another replica may hold them now. */
  get isOver(): boolean {
    return performance.now() >= this.#trustedUntilMs;
  }

  /** Renews the lease, with a share of the partitions; gives true when there are more than before. */
  async renew(): Promise<boolean> {
    const askedAtMs = performance.now();
    const before = this.#partitions.length;
    this.#partitions = await takePartitions(this.#database, this.#replicaId, PARTITIONS);
    this.#trustedUntilMs = askedAtMs + TRUST_MS;
    await reached("partitions.leased");
    return this.#partitions.length > before;
  }
  /** Other replicas take them at once. */
  async letGo(): Promise<void> {
    await letGoPartitions(this.#database, this.#replicaId);
  }
}
