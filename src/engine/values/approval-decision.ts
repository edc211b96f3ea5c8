/** A decision that a person makes through the Inbox. Boundary: values; collaborators/approval-decider.ts records it. */

/** What a person decides. */
export interface PersonsDecision {
  readonly requestId: string;
  readonly workspaceId: string;
  readonly decision: "approved" | "denied";
  readonly decidedBy: string;
  readonly reason: string;
  /** Of an approval with edits the digest of the edited input; the owner keeps it in the reason. */
  readonly editedDigest?: string;
  /** The program through which the person came; unset: it did not say. */
  readonly via?: string;
  /** The same for each try. */
  readonly callId: string;
}

/**
 * Records a decision with the owner of approvals. Rejects with a Refusal: illegal_move where the request is decided by another
 * decision or has expired, or where no owner is configured; not_found; unavailable.
 */
export type DecideApproval = (decision: PersonsDecision) => Promise<void>;
