/** Calls to the approvals service: asking people for a decision, and telling that the next one is asked. */

import { Code } from "@connectrpc/connect";
import { ApprovalService } from "../../../gen/approvals/v1/approvals_pb.ts";
import { CallFailure } from "../../collaborators/call-failure.ts";
import type { CallResult } from "../../engine/values/call.ts";
import { readRequestApproval } from "../../wire/calls/replies.ts";
import type { Performer, PerformerDeps } from "./performer.ts";

const ESCALATED: CallResult = { ok: true, value: { kind: "escalate_approval" } };

/** ApprovalService.RequestApproval */
export function performRequestApproval({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const approvals = clients.require("approvals");
    const { requestApproval } = ApprovalService.method;
    return readRequestApproval(await approvals.create(requestApproval, call.request, call));
  };
}

/** ApprovalService.Escalate; a request that is decided or expired already has nothing to escalate any more. */
export function performEscalateApproval({ clients }: PerformerDeps): Performer {
  return async (call) => {
    const approvals = clients.require("approvals");
    try {
      await approvals.create(ApprovalService.method.escalate, call.request, call);
      return ESCALATED;
    } catch (error) {
      if (!isOver(error)) throw error;
      return ESCALATED;
    }
  };
}

function isOver(error: unknown): boolean {
  return (
    error instanceof CallFailure &&
    error.kind === "answered" &&
    error.code === Code.FailedPrecondition
  );
}
