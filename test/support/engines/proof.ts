/**
 * The invariants of a service that has come to rest after its engines failed.
 * Boundary: asks tools/verify until all are kept; every run has ended, so nothing is held open any more.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Ledgers } from "../../../src/sandbox/stage.ts";
import { verifyAll } from "../../../tools/verify/verify-all.ts";

const KEPT_WITHIN_MS = 60_000;
const LOOK_MS = 200;

/** What is proved. */
interface Proved {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly acknowledged: readonly string[];
  readonly ledgers: Readonly<Ledgers>;
}

/** Waits until every invariant is kept; what is violated when that takes too long. */
export async function untilKept(proved: Proved): Promise<string[]> {
  const end = performance.now() + KEPT_WITHIN_MS;
  for (;;) {
    const reports = await verifyAll({
      ...proved,
      heldOpen: new Set(),
      quiescent: true,
      // No run without faults is played beside it.
      maySkip: ["I12"],
    });
    const broken = reports.flatMap(({ invariant, violations }) =>
      violations.map((violation) => `${invariant}: ${violation}`),
    );
    if (broken.length === 0 || performance.now() > end) return broken;
    await delay(LOOK_MS);
  }
}
