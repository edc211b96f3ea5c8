/**
 * When a message comes again, and how many failures put it aside.
 *
 * Boundary: numbers. A failure is a delivery that was handled and failed by a fault of the message's own or ours; all
 * replicas count in one place (runtime/dead-letters.ts). The server's count of deliveries only sets the pace: it also has
 * deliveries that nothing handled, and those that met something that is away.
 */

/** Failures after which a message is put aside. */
export const FAILURES_AT_MOST = 5;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/** How long a message rests after its n-th delivery. */
export function restAfterMs(deliveryCount: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(deliveryCount - 1, 10), LONGEST_DELAY_MS);
}
