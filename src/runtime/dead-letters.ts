/**
 * Messages that cannot be read or handled are put aside here: counted, then stored.
 *
 * Boundary: the table; the dead-letter stream is the bus's business.
 */

import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import type { Database } from "../store/database.ts";
import { type DeadLetter, insertDeadLetters } from "../store/dead-letters.ts";
import { addFailedDeliveries } from "../store/failed-deliveries.ts";

/** Counts a failed delivery of each message and commits that; gives the failures of each so far, by sequence. */
export function countFailures(
  database: Database,
  stream: string,
  seqs: readonly number[],
): Promise<Map<number, number>> {
  return database.transaction((tx) => addFailedDeliveries(tx, stream, seqs));
}

export type { DeadLetter } from "../store/dead-letters.ts";

/** Stores the messages and commits that; they may be put aside again, which changes nothing. */
export async function putAside(
  deps: { readonly database: Database; readonly log: Log },
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  await deps.database.transaction((tx) => insertDeadLetters(tx, letters));
  for (const { stream, subject, streamSeq, reason, problem } of letters) {
    count("workflows_dead_letters_total", { stream, reason });
    deps.log.warn("a message was put aside", { stream, subject, streamSeq, reason, problem });
  }
}
