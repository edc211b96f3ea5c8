/**
 * I6: a writer that had been overtaken changed nothing. After the fact it would show: by a result of an older attempt
 * that moved a step, by a call of an attempt that the step does not have, by a step that moved after its run had ended,
 * or by a batch whose id is lower than that of an earlier row.
 */
import type { Move } from "../../src/engine/values/move.ts";
import type { Findings } from "./report.ts";
import type { RunCheck } from "./run-check.ts";
import type { HistoryFacts, RunPicture } from "./run-picture.ts";

const CALL = /^([^/]+)\/(.+)\/(\d+)\/[^/]+$/;
const ENDED: ReadonlySet<string> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
/** What the end of a run does to its open steps. */
const SWEPT: ReadonlySet<string> = new Set(["CANCELLED", "SKIPPED"]);

/** The history and the open calls of one run. */
export const overtakenWriters: RunCheck = {
  id: "I6",
  check(picture, findings) {
    checkCalls(picture, findings);
    const attempts = new Map<number, number>();
    let state = "PENDING";
    let batchId = 0;
    for (const row of picture.history) {
      findings.saw();
      const say = (what: string) => findings.violated(picture.run.id, `row ${row.seq}: ${what}`);
      if (row.batchId <= batchId) say(`its batch ${row.batchId} is not after ${batchId}`);
      batchId = row.batchId;
      const late = lateCause(picture, row, attempts);
      if (late !== undefined && row.moves.some(isChange)) say(`${late} moved the run`);
      const before = state;
      for (const move of row.moves) {
        if (move.of === "run") state = move.to;
        else {
          if (ENDED.has(before) && ENDED.has(state) && isChange(move) && !SWEPT.has(move.to)) {
            say(`step ${move.step} moved to ${move.to} although the run was ${before}`);
          }
          attempts.set(move.step, (move.retry ?? 0) + 1);
        }
      }
    }
  },
};

function checkCalls({ run, steps, calls }: RunPicture, findings: Findings): void {
  for (const { id, step_index: index, attempt } of calls) {
    findings.saw();
    if (index < 0) continue;
    const step = steps.find((row) => row.step_index === index);
    if (step === undefined || attempt < 1 || attempt > step.retry_count + 1) {
      findings.violated(
        run.id,
        `the open call ${id} is of an attempt that step ${index} does not have`,
      );
    }
  }
}

/** The call that caused a row, when another attempt of its step had begun before. */
function lateCause(
  { words, run }: RunPicture,
  { cause }: HistoryFacts,
  attempts: ReadonlyMap<number, number>,
): string | undefined {
  const [, runId, stepId, attempt] = cause.kind === "call" ? (CALL.exec(cause.id) ?? []) : [];
  if (runId !== run.id || stepId === "-") return undefined;
  const current = attempts.get(words.findIndex(({ id }) => id === stepId));
  if (current === undefined || Number(attempt) >= current) return undefined;
  return `the result of ${cause.id}, while attempt ${current} was under way,`;
}

function isChange(move: Move): boolean {
  return move.from !== move.to || move.op !== undefined;
}
