/**
 * A run as text: why it stands where it stands, and what happened, a line each.
 * Boundary: words; whatever of it others wrote stands between the marks of its caller.
 */
import type { Cause, Explanation, Move, StateChange } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { Cause_Kind, ReasonCode } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { timeOf } from "./found.ts";
import { wordOf } from "./shapes.ts";

/** The sentence, then a line for each reason. */
export function explanationText({ sentence, waits, moreWaits }: Explanation): string {
  const lines = waits.map(
    ({ stepId, code, sentence: why, since, nextTryAt, givesUpAt, lastError }) =>
      joined([
        `${stepId === "" ? "the run" : `step ${stepId}`}: ${wordOf(ReasonCode, code)}, ${why}`,
        labelled("since", timeOf(since)),
        labelled("next try", timeOf(nextTryAt)),
        labelled("gives up", timeOf(givesUpAt)),
        why.includes(lastError) ? "" : `last error: ${lastError}`,
      ]),
  );
  return [sentence, ...lines, ...(moreWaits > 0 ? [`and ${moreWaits} more reasons`] : [])].join(
    "\n",
  );
}

/** A line for each change, as the moves are given. */
export function timelineLines(moves: readonly Move[]): string[] {
  return moves.flatMap(({ at, cause, changes }) =>
    changes.map((change) => `${timeOf(at) ?? ""} ${changeText(change)} (${causeText(cause)})`),
  );
}

function changeText(change: StateChange): string {
  const { stepId, stepTo, runTo, operation, note, errorMessage } = change;
  const who = stepId === "" ? "run" : `step ${stepId}`;
  const state = stepId === "" ? wordOf(WorkflowState, runTo) : wordOf(StepRunState, stepTo);
  return joined([`${who} ${state || note || operation}`, labelled("error", errorMessage)]);
}

function causeText(cause: Cause | undefined): string {
  if (cause === undefined) return "";
  const { kind, id, actor, reason, via } = cause;
  const by = actor === "" ? "" : ` by ${actor}`;
  const through = via === "" ? "" : ` through ${via}`;
  return joined([
    `${wordOf(Cause_Kind, kind).toLowerCase()} ${id}${by}${through}`,
    labelled("reason", reason),
  ]);
}

function labelled(label: string, text: string | null): string {
  return text === null || text === "" ? "" : `${label}: ${text}`;
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("; ");
}
