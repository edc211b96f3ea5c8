/** Calls to the governance service: judging an action before it is taken. */
import { GovernanceService } from "../../../gen/governance/v1/governance_pb.ts";
import { readEvaluateAction } from "../../wire/calls/replies.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

/** GovernanceService.EvaluateAction; with a key, for some engines record what they judged. */
export function performEvaluateAction({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const governance = clients.require("governance");
    const { evaluateAction } = GovernanceService.method;
    return readEvaluateAction(await governance.create(evaluateAction, call.request, call));
  };
}
