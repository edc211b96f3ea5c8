/**
 * Canonical entities as starts of runs need them.
 * Boundary: a contract; who answers is wired in main.ts. Asked before a run is submitted, never inside a transaction.
 */

/** A record of another system, as the tap reports it. */
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

/** Whether an entity exists; `unchecked`: it could not be checked; callers fail open. */
export type EntityCheck = "known" | "unknown" | "unchecked";

/** Looks up canonical entities. Both functions answer within a short time and fail open without a reply. */
export interface Entities {
  /** The canonical entity of a record; undefined when there is none or the lookup got no reply. */
  resolve(record: ForeignRecord): Promise<Entity | undefined>;
  check(workspaceId: string, entityId: string): Promise<EntityCheck>;
}
