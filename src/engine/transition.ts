/**
 * The switch over all inputs: an input and a draft give the changed draft and a reply.
 * Boundary: pure; the same rows, input, clock and look-ups give the same result.
 * Invariants:
 * T1 a refused or late input adds at most one `ignored` line to the history and changes nothing else.
 * T2 all consequences that need no other service happen in the same transition (advance.ts), within its budget. The
 * rest is pending work of the run; `run_continued` does it before the consequences of any other input.
 */

import type { Draft } from "./draft/draft.ts";
import { advance } from "./flow/advance.ts";
import { tellParent } from "./flow/tell-parent.ts";
import { beginRun, queueRun } from "./inputs/begin.ts";
import { cancelRun } from "./inputs/cancel.ts";
import { compensateRun } from "./inputs/compensate.ts";
import { editsKept } from "./inputs/edits.ts";
import { expireRun } from "./inputs/expire.ts";
import { stepOrdered } from "./inputs/order.ts";
import { pauseRun } from "./inputs/pause.ts";
import { stepReported } from "./inputs/report.ts";
import {
  approvalReported,
  eventReported,
  governanceReported,
  ownerReported,
} from "./inputs/reported.ts";
import { rerunRun } from "./inputs/rerun.ts";
import { resumeRun } from "./inputs/resume.ts";
import { callReturned } from "./inputs/returned.ts";
import { stepDue } from "./inputs/timers.ts";
import { childReported } from "./steps/child-runs/ends.ts";
import { taskReported, taskUnsent } from "./steps/worker-task/behaviour.ts";
import type { Input } from "./values/input.ts";
import type { Lookups } from "./values/lookups.ts";
import type { Reply } from "./values/reply.ts";

/** Folds one input into a draft. Throws MissingRows when a row is needed that was not loaded. */
export function transition(draft: Draft, input: Input, lookups: Lookups): Reply {
  draft.takeUpWork();
  const waits = draft.work.isLeft && input.kind !== "run_continued";
  const reply = apply(draft, input, lookups);
  // Earlier pending work comes first, with a budget of its own.
  if (!waits) advance(draft, lookups);
  draft.leaveWork();
  tellParent(draft);
  draft.record(input.cause);
  return reply;
}

function apply(draft: Draft, input: Input, lookups: Lookups): Reply {
  switch (input.kind) {
    case "run_begun":
      return beginRun(draft, input.reuse);
    case "run_queued":
      return queueRun(draft);
    case "run_continued":
      return { kind: draft.work.isLeft ? "applied" : "unchanged" };
    case "call_returned":
      return callReturned(draft, input, lookups);
    case "owner_reported":
      return ownerReported(draft, input, lookups);
    case "approval_decided":
      return approvalReported(draft, input, lookups);
    case "task_reported":
      return taskReported(draft, input, input.report);
    case "task_unsent":
      return taskUnsent(draft, input, input.returned);
    case "governance_decided":
      return governanceReported(draft, input.report, lookups);
    case "event_arrived":
      return eventReported(draft, input.stepIndex, input.event, lookups);
    case "step_reported":
      return stepReported(draft, input.report, lookups);
    case "step_ordered":
      return stepOrdered(draft, input.order, input.cause, lookups);
    case "edits_kept":
      return editsKept(draft, input.order);
    case "child_ended":
      return childReported(draft, input.report);
    case "step_due":
      return stepDue(draft, input.stepIndex, lookups);
    case "deadline_passed":
      return expireRun(draft);
    case "pause_requested":
      return pauseRun(draft, input.reason);
    case "resume_requested":
      return resumeRun(draft, input.inputs);
    case "cancel_requested":
      return cancelRun(draft, input.reason);
    case "rerun_requested":
      return rerunRun(draft, input.order, input.cause);
    case "compensate_requested":
      return compensateRun(draft, input.reason, input.byParent === true);
  }
}
