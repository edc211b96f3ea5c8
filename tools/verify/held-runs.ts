/**
 * I5: while a run is paused, and after it was cancelled, nothing begins. What was leased before may still go out.
 * By the history alone no step starts then; by the ledgers nothing is made for an attempt that began then, nor a call
 * that nobody wants any more after its lease.
 */
import type { Effect } from "./effects-made.ts";
import type { Findings } from "./report.ts";
import type { CheckContext, RunCheck } from "./run-check.ts";
import type { RunPicture } from "./run-picture.ts";

/** Kinds that are dropped once their attempt has ended. */
const DROPPED = /^(request_approval|delegate|evaluate_action)(-|$)/;

/** The moves and the objects of one run. */
export const heldRuns: RunCheck = {
  id: "I5",
  check(picture, findings, context) {
    const cancelledAt = followHistory(picture, findings);
    if (cancelledAt === undefined) return;
    for (const effect of context.effects ?? []) {
      findings.saw();
      if (isTooLate(picture, effect, cancelledAt, context)) {
        const when = effect.recordedAt.toISOString();
        findings.violated(
          picture.run.id,
          `${effect.ledger} ${effect.key} was made at ${when}, after the run was cancelled`,
        );
      }
    }
  },
};

/** Finds steps that started at the wrong time; gives when the run was cancelled for good. */
function followHistory({ run, history }: RunPicture, findings: Findings): Date | undefined {
  let state = "PENDING";
  let cancelledAt: Date | undefined;
  for (const { seq, recordedAt, moves } of history) {
    for (const move of moves) {
      if (move.of === "run") {
        state = move.to;
        cancelledAt = state === "CANCELLED" ? (cancelledAt ?? recordedAt) : undefined;
        continue;
      }
      if (move.op !== "started") continue;
      findings.saw();
      if (state !== "RUNNING" && state !== "COMPENSATING") {
        findings.violated(
          run.id,
          `row ${seq}: step ${move.step} started while the run was ${state}`,
        );
      }
    }
  }
  return cancelledAt;
}

function isTooLate(
  { words, history }: RunPicture,
  { ledger, stepId, attempt, call, recordedAt }: Effect,
  cancelledAt: Date,
  { leaseMs }: CheckContext,
): boolean {
  if (ledger === "cancellations" || stepId === "-" || recordedAt <= cancelledAt) return false;
  if (DROPPED.test(call)) return recordedAt.getTime() > cancelledAt.getTime() + leaseMs;
  const index = words.findIndex(({ id }) => id === stepId);
  const began = history.some(
    (row) =>
      row.recordedAt <= cancelledAt &&
      row.moves.some(
        (move) =>
          move.of === "step" &&
          move.step === index &&
          move.to === "RUNNING" &&
          (move.retry ?? 0) + 1 === attempt,
      ),
  );
  return !began;
}
