/**
 * Canonical entities as starts of runs need them.
 * Boundary: a contract; who answers is wired in main.ts. Asked before a run is submitted, never inside a transaction.
 */

/** A record of another system, as the tap tells of it. */
export interface ForeignRecord {
  readonly workspaceId: string;
  /** Such as `hubspot`. */
  readonly provider: string;
  readonly recordId: string;
  /** The tap's own word for it, such as `deal`. */
  readonly entityType: string;
}

/** What a run is about. */
export interface Entity {
  readonly entityId: string;
  readonly entityType: string;
}

/** Whether an entity exists; `unchecked`: there was no answer, which is no reason to refuse. */
export type EntityCheck = "known" | "unknown" | "unchecked";

/** Who knows canonical entities. Neither function waits for long, and neither rejects for want of an answer. */
export interface Entities {
  /** The canonical entity of a record; undefined when there is none or no answer. */
  resolve(record: ForeignRecord): Promise<Entity | undefined>;
  check(workspaceId: string, entityId: string): Promise<EntityCheck>;
}
