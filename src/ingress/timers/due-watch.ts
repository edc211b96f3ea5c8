/**
 * Looks at when something falls due next, and wakes what fires it.
 * Boundary: one statement for timers, schedules, runs with pending work, missed triggers and runs that wait for their turn. What is due is asked by those that fire it.
 * Invariants:
 * 1. The table is asked every LOOK_MS at least: what another replica set, and what one that died has left, is found by that look. So
 *    a notice that is lost costs LOOK_MS, and no timer.
 * 2. Looks are LEAST_MS apart, and what fires a kind is woken every `everyMs` at most: what falls due in between is found together.
 */
import type { Log } from "../../process/log.ts";
import { createLoop, type StandingLoop } from "../../process/standing-loop.ts";
import type { Database } from "../../store/database.ts";
import { findNextDue, type NextDue } from "../../store/service-reads/next-due.ts";

/** What fires one kind. */
export interface DueKind {
  readonly kind: keyof NextDue;
  /** Woken so often at most, while something of the kind is due. */
  readonly everyMs: number;
  readonly loop: Pick<StandingLoop, "wake">;
}

/** What watching needs. */
export interface DueWatchDeps {
  readonly database: Database;
  readonly log: Log;
}

/** The watch at work. */
export interface DueWatch {
  /** A commit of this replica set something that falls due in so many ms. */
  notice(inMs: number): void;
  stop(): Promise<void>;
}

/** A timer may be 2 s late (docs/guarantees.md, G19): one that another replica has left is found in half of that. */
const LOOK_MS = 1_000;
const LEAST_MS = 100;

/** Starts with a look. */
export function startDueWatch(deps: DueWatchDeps, kinds: readonly DueKind[]): DueWatch {
  const watched = kinds.map((each) => ({ ...each, restsUntilMs: 0 }));
  let lookedAtMs = 0;
  const loop = createLoop({
    name: "look for what is due",
    everyMs: LOOK_MS,
    log: deps.log,
    async round() {
      lookedAtMs = performance.now();
      const due = await findNextDue(deps.database.read, LOOK_MS);
      const nowMs = performance.now();
      let nextMs = LOOK_MS;
      for (const each of watched) {
        const isDue = due[each.kind] <= 0;
        if (isDue && each.restsUntilMs <= nowMs) {
          each.loop.wake();
          each.restsUntilMs = nowMs + each.everyMs;
        }
        nextMs = Math.min(nextMs, Math.max(due[each.kind], each.restsUntilMs - nowMs));
      }
      return pauseOf(Math.max(LEAST_MS, nextMs));
    },
  });
  loop.start();
  return {
    notice(inMs) {
      loop.wakeWithin(pauseOf(Math.max(inMs, lookedAtMs + LEAST_MS - performance.now())));
    },
    stop: () => loop.stop(),
  };
}

/** A timer of Node may end up to a millisecond early, and a look that is early finds nothing. */
function pauseOf(ms: number): number {
  return Math.ceil(ms) + 1;
}
