/**
 * Commits one batch of a lane and answers its callers, whatever becomes of the batch.
 * Boundary: never rejects; what it gives back comes again. commit-batch.ts does the commit.
 * Invariants:
 * 1. Callers are answered, and work is handed on, only after the commit.
 * 2. A batch that fails by itself is tried in pieces, so one bad input spoils only itself.
 */
import type { Log } from "../process/log.ts";
import { Refusal } from "../process/refusal.ts";
import { isAway, isLostRace, isOverrun } from "../store/pg-errors.ts";
import { StaleRows } from "../store/save-fences.ts";
import { type CommitDeps, commitBatch } from "./commit-batch.ts";
import type { DatabaseOutage } from "./database-outage.ts";
import { comesAgain, type LaneEntry, refuse, waitsOn } from "./lane-entry.ts";
import { CommitUnknown } from "./unanswered-commit.ts";
import type { BatchOutcome } from "./write-batch.ts";

/** What a batch of a lane needs. */
export interface WorkDeps extends CommitDeps {
  readonly log: Log;
  readonly outage: DatabaseOutage;
  /** Called after each commit with the entries that it settled. */
  onCommitted(outcome: BatchOutcome, settled: readonly LaneEntry[]): void;
}

/** Settles what it can and gives back what is to come again. */
export async function workOff(deps: WorkDeps, entries: readonly LaneEntry[]): Promise<LaneEntry[]> {
  if (entries.length === 0) return [];
  let outcome: BatchOutcome;
  try {
    outcome = await commitBatch(deps, entries);
  } catch (error) {
    return recover(deps, entries, error);
  }
  deps.outage.end();
  const again = entries.filter((entry, place) => comesAgain(entry, outcome.results[place]));
  const waiting = new Set(again);
  deps.onCommitted(
    outcome,
    entries.filter((entry) => !waiting.has(entry)),
  );
  return again;
}

/** A batch that was not committed: it waits, is tried in pieces, or is down to the one entry that fails. */
async function recover(
  deps: WorkDeps,
  entries: readonly LaneEntry[],
  error: unknown,
): Promise<LaneEntry[]> {
  if (error instanceof CommitUnknown) {
    deps.log.error("what came of a commit is not known", { error });
    for (const entry of entries) refuse(entry, "unavailable", error);
    return [];
  }
  const away = isAway(error);
  const lost = error instanceof StaleRows || isLostRace(error);
  if (!isOverrun(error) && (away || lost)) {
    if (away) deps.outage.note(error);
    const reason = away ? "unavailable" : "lost_race";
    return entries.filter((entry) => waitsOn(entry, reason, error));
  }
  const [first] = entries;
  if (first !== undefined && entries.length === 1) {
    first.reject(isOverrun(error) ? tooCostly(error) : error);
    return [];
  }
  return workOffPieces(deps, entries, isOverrun(error) ? PIECES_OF_AN_OVERRUN : 2);
}

/** Each piece with the entry that takes too long costs a statement's time limit (10 s): 500 entries take four, by halves ten. */
const PIECES_OF_AN_OVERRUN = 16;

async function workOffPieces(
  deps: WorkDeps,
  entries: readonly LaneEntry[],
  pieces: number,
): Promise<LaneEntry[]> {
  const size = Math.ceil(entries.length / pieces);
  const again: LaneEntry[] = [];
  // What comes again goes before what came later for the same run.
  const held = new Set<string>();
  for (let from = 0; from < entries.length; from += size) {
    const piece = entries.slice(from, from + size);
    const later = piece.filter(({ runId }) => held.has(runId));
    const free = piece.filter(({ runId }) => !held.has(runId));
    const left = await workOff(deps, free);
    for (const { runId } of left) held.add(runId);
    again.push(...later, ...left);
  }
  return again;
}

function tooCostly(cause: unknown): Refusal {
  const message = "the change takes longer, or is larger, than the database allows";
  return new Refusal("too_costly", message, { cause });
}
