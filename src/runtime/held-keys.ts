/**
 * The idempotency keys whose calls this replica is doing: their leases are short and renewed while the calls run.
 * Boundary: knows when, not how; the statement is store/caller-keys.ts.
 * Invariants:
 * 1. One statement renews all keys, whatever their number. A call of less than a second costs none.
 * 2. A key is renewed for a minute at most, so that a call that hangs does not hold its key for ever.
 */

import type { Log } from "../process/log.ts";
import { type KeyClaim, renewKeys } from "../store/caller-keys.ts";
import type { Database } from "../store/database.ts";

/** Keys in hand. */
export interface HeldKeys {
  /** Does the work of a claimed call; its key is held until the work settles. */
  during<T>(claim: KeyClaim, work: () => Promise<T>): Promise<T>;
}

/** What it works with. */
export interface HeldKeysDeps {
  readonly database: Pick<Database, "write">;
  readonly log: Log;
}

const RENEW_EVERY_MS = 1_000;
const HELD_AT_MOST_MS = 60_000;

/** Holds nothing yet; without a key in hand no timer runs. */
export function createHeldKeys({ database, log }: HeldKeysDeps): HeldKeys {
  /** Since when each is in hand. */
  const held = new Map<KeyClaim, number>();
  let timer: NodeJS.Timeout | undefined;
  let renewing = false;

  async function renew(): Promise<void> {
    const now = performance.now();
    const claims = [...held].filter(([, since]) => {
      const heldMs = now - since;
      return heldMs >= RENEW_EVERY_MS && heldMs < HELD_AT_MOST_MS;
    });
    if (claims.length === 0 || renewing) return;
    renewing = true;
    try {
      await renewKeys(
        database.write,
        claims.map(([claim]) => claim),
      );
    } catch (error) {
      log.warn("idempotency keys could not be renewed; their leases may run out", { error });
    } finally {
      renewing = false;
    }
  }

  return {
    async during(claim, work) {
      held.set(claim, performance.now());
      timer ??= setInterval(() => void renew(), RENEW_EVERY_MS).unref();
      try {
        return await work();
      } finally {
        held.delete(claim);
        if (held.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      }
    },
  };
}
