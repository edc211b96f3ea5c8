/**
 * Records what people decide through the Inbox (ApprovalService.ResolveApproval).
 * Boundary: one call and the meaning of its answer; who may decide is judged before.
 * Invariants:
 * 1. Fails closed: what is no clear answer is `unavailable`, and the caller repeats it with its key.
 * 2. An owner may answer with the decision that it had before: one that is not the caller's is refused.
 * 3. The reason names the digest of an edited input: by that the decision that comes back is known to be about it.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  ApprovalService,
  DecisionType,
  ResolveApprovalRequestSchema,
} from "../../gen/approvals/v1/approvals_pb.ts";
import { markedReason, readMark } from "../engine/steps/approvals/edits.ts";
import type { DecideApproval, PersonsDecision } from "../engine/values/approval-decision.ts";
import { Refusal } from "../process/refusal.ts";
import { CallFailure, NotSent } from "./call-failure.ts";
import type { Clients } from "./clients.ts";

const DECISIONS = { approved: DecisionType.APPROVED, denied: DecisionType.DENIED } as const;
const ANSWERED: ReadonlySet<Code> = new Set([Code.FailedPrecondition, Code.InvalidArgument]);

/** Makes the function that records decisions. */
export function createApprovalDecider(clients: Pick<Clients, "find">): DecideApproval {
  return async (made) => {
    const owner = clients.find("approvals");
    if (owner === undefined) {
      throw new Refusal("illegal_move", "APPROVALS_URL is not set: no service records decisions");
    }
    const { requestId: approvalRequestId, decidedBy, callId, workspaceId, via } = made;
    const reason = markedReason(made.editedDigest, made.reason);
    const decision = DECISIONS[made.decision];
    const request = create(ResolveApprovalRequestSchema, {
      ...{ approvalRequestId, decision, decidedBy, reason },
    });
    const bytes = toBinary(ResolveApprovalRequestSchema, request);
    const { resolveApproval } = ApprovalService.method;
    try {
      const origin = { callId, workspaceId, ...(via === undefined ? {} : { via }) };
      const reply = await owner.create(resolveApproval, bytes, origin);
      const recorded = reply.decision;
      if (recorded?.decision !== decision || recorded.decidedBy !== decidedBy) {
        throw decided(made, "by another decision");
      }
      if (readMark(recorded.reason).digest === made.editedDigest) return;
      throw decided(made, "by a decision with other edits, or without");
    } catch (error) {
      throw refusalOf(error, made);
    }
  };
}

function refusalOf(error: unknown, made: PersonsDecision): unknown {
  if (error instanceof CallFailure && error.kind === "answered") {
    if (error.code === Code.NotFound) {
      const resource = { type: "approval_request", name: made.requestId };
      return new Refusal("not_found", "the owner of approvals does not know the request", {
        resource,
      });
    }
    if (ANSWERED.has(error.code)) return decided(made, error.message);
  }
  if (!(error instanceof CallFailure) && !(error instanceof NotSent)) return error;
  return new Refusal("unavailable", "the decision cannot be recorded just now; try again", {
    cause: error,
  });
}

function decided({ requestId }: PersonsDecision, how: string): Refusal {
  const resource = { type: "approval_request", name: requestId };
  return new Refusal("illegal_move", `the request is not open: ${how}`, { resource });
}
