/** Calls to the approvals service: asking people for a decision. */
import { ApprovalService } from "../../../gen/approvals/v1/approvals_pb.ts";
import { readRequestApproval } from "../../wire/call-replies.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

/** ApprovalService.RequestApproval */
export function performRequestApproval({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const approvals = clients.require("approvals");
    const { requestApproval } = ApprovalService.method;
    return readRequestApproval(
      await approvals.create(requestApproval, call.request, call.effectId),
    );
  };
}
