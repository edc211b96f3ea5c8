/**
 * The switch over all inputs: an input and a draft give the changed draft and a reply.
 * Boundary: pure; the same rows, input, clock and look-ups give the same result.
 * Invariants:
 * T1 a refused or late input adds at most one `ignored` line to the history and changes nothing else.
 * T2 all consequences that need no other service happen in the same transition (advance.ts), within its budget. The
 * rest is pending work of the run; `run_continued` does it before the consequences of any other input.
 */
import { advance } from "./advance.ts";
import type { Draft } from "./draft.ts";
import { approvalHeard, eventHeard, governanceHeard, ownerReported } from "./heard.ts";
import type { Input } from "./input.ts";
import { beginRun } from "./lifecycle/begin.ts";
import { cancelRun } from "./lifecycle/cancel.ts";
import { compensateRun } from "./lifecycle/compensate.ts";
import { expireRun } from "./lifecycle/expire.ts";
import { pauseRun } from "./lifecycle/pause.ts";
import { resumeRun } from "./lifecycle/resume.ts";
import type { Lookups } from "./lookups.ts";
import type { Reply } from "./outcome.ts";
import { stepReported } from "./report.ts";
import { callReturned } from "./returned.ts";
import { childHeard } from "./steps/child-runs/ends.ts";
import { tellParent } from "./tell-parent.ts";
import { stepDue } from "./timers.ts";

/** Folds one input into a draft. Throws MissingRows when a row is needed that was not loaded. */
export function transition(draft: Draft, input: Input, lookups: Lookups): Reply {
  draft.takeUpWork();
  const waits = draft.hasWork && input.kind !== "run_continued";
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
      return beginRun(draft);
    case "run_continued":
      return { kind: draft.hasWork ? "applied" : "unchanged" };
    case "call_returned":
      return callReturned(draft, input, lookups);
    case "owner_reported":
      return ownerReported(draft, input.stepIndex, input.report, lookups);
    case "approval_decided":
      return approvalHeard(draft, input.stepIndex, input.report, lookups);
    case "governance_decided":
      return governanceHeard(draft, input.report, lookups);
    case "event_arrived":
      return eventHeard(draft, input.stepIndex, input.event, lookups);
    case "step_reported":
      return stepReported(draft, input.report, lookups);
    case "child_ended":
      return childHeard(draft, input.report);
    case "step_due":
      return stepDue(draft, input.stepIndex, lookups);
    case "deadline_passed":
      return expireRun(draft);
    case "pause_requested":
      return pauseRun(draft, input.reason);
    case "resume_requested":
      return resumeRun(draft);
    case "cancel_requested":
      return cancelRun(draft, input.reason);
    case "compensate_requested":
      return compensateRun(draft, input.reason, input.byParent === true);
  }
}
