/**
 * How often a message was delivered for a fault of its own, and when it comes again.
 *
 * Boundary: counts; what is done about it is decided in handle-batch.ts.
 * Why not the server's count alone: a delivery while Postgres is away says nothing of the message.
 */

/** What a message's deliveries came to nothing for, by stream sequence; bounded. */
export type AwayCounts = Map<number, number>;

/** Deliveries with a fault of the message's own after which it is put aside. */
export const DELIVERIES_AT_MOST = 5;

const MESSAGES_AT_MOST = 10_000;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/** Notes that the delivery of this message met something that is away. */
export function noteAway(counts: AwayCounts, seq: number): void {
  const before = counts.get(seq) ?? 0;
  counts.delete(seq);
  counts.set(seq, before + 1);
  const oldest = counts.keys().next();
  if (counts.size > MESSAGES_AT_MOST && oldest.done !== true) counts.delete(oldest.value);
}

/** Deliveries that count against the message, the present one included. */
export function deliveriesAgainst(counts: AwayCounts, seq: number, deliveryCount: number): number {
  return deliveryCount - (counts.get(seq) ?? 0);
}

/** How long a message rests after its n-th delivery. */
export function restAfterMs(deliveryCount: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(deliveryCount - 1, 10), LONGEST_DELAY_MS);
}
