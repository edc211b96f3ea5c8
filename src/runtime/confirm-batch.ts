/**
 * Second part of a batch, in its transaction: takes the locks and finds out what of the plan still holds.
 * Boundary: locks and reads; what it confirms is saved in the same transaction.
 * Invariants:
 * 1. Locks of starts by event and of runs are tried, never waited for: what does not get one comes again, and nothing
 *    behind waits with it.
 * 2. A run is confirmed when its row is as it was read; then all its rows are, but for ids that steps learned since
 *    (store/lock-runs.ts).
 */
import type { Tx } from "../store/database.ts";
import { lockRuns } from "../store/lock-runs.ts";
import { type ClaimedStart, findStarts, lockStarts } from "../store/run-starts.ts";
import type { Batch } from "../store/save-batch.ts";
import type { ItemResult, Plan } from "./batch-plan.ts";
import type { FoldedRun } from "./fold-run.ts";
import { unchanged } from "./plan-batch.ts";
import { confirmBegins } from "./run-limits.ts";
import { findEarlier } from "./start-facts.ts";

/** What of a batch is saved. */
export interface Confirmed {
  readonly kept: readonly FoldedRun[];
  /** Claims of the starts by event among them. */
  readonly starts: Batch["starts"];
  /** Answers that are known now, by place. */
  readonly answers: ReadonlyMap<number, ItemResult>;
}

interface ConfirmedStarts {
  /** Runs of starts by event that another start came before, or may come before. */
  readonly dropped: Set<string>;
  readonly starts: Batch["starts"];
  readonly answers: Map<number, ItemResult>;
}

interface LockedClaims {
  readonly planned: Plan["starts"];
  /** Keys of those that nobody else makes meanwhile. */
  readonly got: ReadonlySet<string>;
  readonly earlier: readonly ClaimedStart[];
  /** Runs that are not stored: another start came before, or may come before. */
  readonly withoutRun: ReadonlySet<string>;
}

const NO_CLAIMS: LockedClaims = {
  ...{ planned: [], got: new Set(), earlier: [], withoutRun: new Set() },
};

/** Locks what was folded. What cannot be locked, or has changed, is not kept and comes again. */
export async function confirmBatch(
  tx: Tx,
  plan: Plan,
  folded: readonly FoldedRun[],
): Promise<Confirmed> {
  const claims = await lockClaims(tx, plan);
  // What is not stored takes no place of its key.
  const mayBegin = folded.filter(
    (each) => isStored(each) && !claims.withoutRun.has(each.work.run.id),
  );
  const denied = await confirmBegins(tx, mayBegin);
  const stored = folded.filter((each) => isStored(each) && !denied.has(each));
  const { dropped, starts, answers } = confirmStarts(plan, claims, stored);
  const locked = await lockRuns(tx, folded.flatMap(versionOf));
  const kept: FoldedRun[] = [];
  for (const each of folded) {
    const { run, rowVersion } = each.work;
    const isDenied = denied.has(each);
    const holds = rowVersion === undefined ? !dropped.has(run.id) : locked.has(run.id);
    if (holds && !isDenied && isStored(each)) kept.push(each);
    if (holds && !isDenied) continue;
    for (const { place, input } of each.work.inputs) {
      const refused = input.kind === "run_begun" ? denied.get(each) : undefined;
      if (!answers.has(place))
        answers.set(place, refused ?? { kind: isDenied ? "later" : "locked" });
    }
  }
  return { kept, starts, answers };
}

function versionOf({ work }: FoldedRun) {
  const { rowVersion } = work;
  return rowVersion === undefined ? [] : [{ runId: work.run.id, rowVersion }];
}

/** The locks of the starts by event, and the starts before them. */
async function lockClaims(tx: Tx, plan: Plan): Promise<LockedClaims> {
  const planned = plan.starts.filter(({ place }) => plan.results[place] === undefined);
  if (planned.length === 0) return NO_CLAIMS;
  const wanted = planned.map(({ claim }) => claim);
  const got = new Set((await lockStarts(tx, wanted)).map(keyOf));
  const earlier = await findStarts(tx, wanted);
  const without = wanted.filter(
    (claim) => !got.has(keyOf(claim)) || findEarlier(earlier, claim) !== undefined,
  );
  return { planned, got, earlier, withoutRun: new Set(without.map(({ runId }) => runId)) };
}

function confirmStarts(
  plan: Plan,
  { planned, got, earlier }: LockedClaims,
  stored: readonly FoldedRun[],
): ConfirmedStarts {
  const made: ConfirmedStarts = { dropped: new Set(), starts: [], answers: new Map() };
  const begun = new Set(stored.map(({ work }) => work.run.id));
  for (const { place, claim } of planned) {
    const first = got.has(keyOf(claim))
      ? findEarlier([...earlier, ...made.starts], claim)
      : undefined;
    if (first !== undefined) {
      made.answers.set(place, { kind: "settled", settled: unchanged(first.runId) });
      made.dropped.add(claim.runId);
    } else if (!got.has(keyOf(claim))) {
      made.answers.set(place, { kind: "locked" });
      made.dropped.add(claim.runId);
    } else if (begun.has(claim.runId)) {
      made.starts.push(claim);
    } else if (!plan.works.has(claim.runId)) {
      // The start before it, by the same event, was not made after all: now it is its turn.
      made.answers.set(place, { kind: "locked" });
    }
  }
  return made;
}

function keyOf({ definitionId, eventId }: Pick<ClaimedStart, "definitionId" | "eventId">): string {
  return `${definitionId} ${eventId}`;
}

/** A run whose very start the engine threw on is not stored. */
export function isStored({ work, results }: FoldedRun): boolean {
  return work.rowVersion !== undefined || results.some((result) => "reply" in result);
}
