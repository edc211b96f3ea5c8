/**
 * A child run reports to its parent's step when it ends, and when its compensation ends.
 * Boundary: a call like any other, so it is not lost. The parent may be on another instance, or may have ended.
 */

import type { Draft } from "../draft/draft.ts";
import { runOutput } from "../draft/payloads.ts";
import type { ChildReport } from "../values/child-run.ts";
import { payloadProblem } from "../values/limits.ts";
import type { Move } from "../values/move.ts";

type RunMove = Extract<Move, { of: "run" }>;

/** Requests the call if this transition ended the run. */
export function tellParent(draft: Draft): void {
  const { parentStep, parentRunId, id, seq, totalCostUsd } = draft.run;
  const move = draft.runMove;
  if (parentStep === undefined || move === undefined || move.from === move.to) return;
  const { to: state } = move;
  if (state !== "COMPLETED" && state !== "FAILED" && state !== "CANCELLED") return;
  const report: ChildReport = {
    stepIndex: parentStep.index,
    attempt: parentStep.attempt,
    child: parentStep.child,
    runId: id,
    seq: seq + 1,
    state,
    ...(state === "COMPLETED" ? outputOfRun(draft) : { errorMessage: whyEnded(draft, move) }),
    costUsd: totalCostUsd,
    undoing: compensationOf(move),
  };
  draft.callOfRun({ kind: "tell_parent", parentRunId, report });
}

function compensationOf({ from, op }: RunMove): ChildReport["undoing"] {
  if (op === "compensated") return "done";
  return from === "COMPENSATING" ? "failed" : "no";
}

/** The output of a run is a merge whose size was not checked yet. */
function outputOfRun(draft: Draft): Pick<ChildReport, "output" | "errorMessage"> {
  const output = runOutput(draft.payloads);
  const problem = payloadProblem(`output of child run ${draft.run.id}`, output);
  return problem === undefined ? { output, errorMessage: "" } : { errorMessage: problem };
}

function whyEnded(draft: Draft, { to, reason = "" }: RunMove): string {
  const said = `child run ${draft.run.id} ended ${to}`;
  if (to === "CANCELLED") return reason === "" ? said : `${said}: ${reason}`;
  const failed = draft.graph.steps.flatMap(({ index }) =>
    draft.marks.state(index) === "FAILED" ? [index] : [],
  );
  draft.rows.require(failed);
  const last = failed
    .map((index) => draft.rows.peek(index))
    .sort((a, b) => (b.completedAtMs ?? 0) - (a.completedAtMs ?? 0))[0];
  if (last === undefined) return reason === "" ? said : `${said}: ${reason}`;
  return `${said}: step ${draft.step(last.index).def.id}: ${last.errorMessage}`;
}
