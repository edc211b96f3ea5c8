/** One performer for each kind of call; a new kind does not compile until it has one. */
import type { CallKind } from "../../engine/values/call.ts";
import { performDelegate, performReadOutput } from "./agents.ts";
import { performEscalateApproval, performRequestApproval } from "./approvals.ts";
import { performEvaluateAction } from "./governance.ts";
import { type LookUpDeps, performLookUp } from "./look-up.ts";
import { performQueryUsage } from "./meter.ts";
import { performSendNotification } from "./notifications.ts";
import { performCancelObjective, performCreateObjective } from "./objectives.ts";
import {
  type ChildRunPerformerDeps,
  performCancelRun,
  performCompensateRun,
  performStartRerun,
  performStartRun,
  performTellParent,
} from "./own-calls.ts";
import type { Performer } from "./performer.ts";

/** A performer for each kind of call. */
export type Performers = Readonly<Record<CallKind, Performer>>;

/** Makes the performers. */
export function createPerformers(deps: LookUpDeps & ChildRunPerformerDeps): Performers {
  return {
    look_up: performLookUp(deps),
    create_objective: performCreateObjective(deps),
    delegate: performDelegate(deps),
    read_output: performReadOutput(deps),
    query_usage: performQueryUsage(deps),
    cancel_objective: performCancelObjective(deps),
    request_approval: performRequestApproval(deps),
    escalate_approval: performEscalateApproval(deps),
    evaluate_action: performEvaluateAction(deps),
    send_notification: performSendNotification(deps),
    start_run: performStartRun(deps),
    cancel_run: performCancelRun(deps),
    compensate_run: performCompensateRun(deps),
    tell_parent: performTellParent(deps),
    start_rerun: performStartRerun(deps),
  };
}
