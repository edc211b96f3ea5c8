/**
 * Messages that cannot be read or handled are put aside here: counted, then stored.
 *
 * Boundary: the table; the dead-letter stream is the bus's business.
 */

import type { Log } from "../process/log.ts";
import { count } from "../process/metrics.ts";
import type { Database } from "../store/database.ts";
import {
  type DeadLetter,
  endDeadLetters,
  insertDeadLetters,
  type LetterEnd,
} from "../store/dead-letters.ts";
import { addFailedDeliveries } from "../store/failed-deliveries.ts";
import type { KeptLetter, LetterKey } from "../store/reads/dead-letters.ts";

/** What came of a message that was handled again. */
export interface Redelivered {
  /** `failed`: as before; `away`: a part is away or full. */
  readonly outcome: "retried" | "failed" | "away";
  /** Why it is not retried; "". */
  readonly problem: string;
}

/** Handles a message again; one of a workspace for which `mayTouch` is false changes nothing. */
export type Redeliver = (
  letter: KeptLetter,
  mayTouch: (workspaceId: string) => boolean,
) => Promise<Redelivered>;

/** Counts a failed delivery of each message and commits that; gives the failures of each so far, by sequence. */
export function countFailures(
  database: Database,
  stream: string,
  seqs: readonly number[],
): Promise<Map<number, number>> {
  return database.transaction((tx) => addFailedDeliveries(tx, stream, seqs));
}

export type { DeadLetter, LetterEnd } from "../store/dead-letters.ts";

/** Settles those of the messages that are open, and commits that; gives how many were. */
export async function endLetters(
  deps: { readonly database: Database; readonly log: Log },
  keys: readonly LetterKey[],
  end: LetterEnd,
): Promise<number> {
  if (keys.length === 0) return 0;
  const ended = await deps.database.transaction((tx) => endDeadLetters(tx, keys, end));
  const ids = keys.map(({ stream, streamSeq }) => `${stream}/${streamSeq}`);
  deps.log.info("dead letters were settled", { ...end, ids, ended });
  return ended;
}

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
