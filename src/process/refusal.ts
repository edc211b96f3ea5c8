/**
 * Why the service says no: one error class, one closed list of reasons.
 * Boundary: thrown by runtime and ingress, mapped to codes and details in ingress/rpc/errors.ts alone.
 */

/** Every reason there is; a new one does not compile until the error table maps it. */
export type Reason =
  | "invalid_fields"
  | "not_found"
  | "already_exists"
  | "illegal_move"
  | "nothing_published"
  | "workflow_paused"
  | "archived"
  | "has_runs"
  | "too_many_open_runs"
  | "hook_refused"
  | "hook_away"
  | "etag_mismatch"
  | "too_large"
  | "too_costly"
  | "lost_race"
  | "timed_out"
  | "overloaded"
  | "unavailable"
  | "unauthenticated"
  | "permission_denied";

/** One field that is wrong: its path (`steps[3].id`) and a sentence a person can act on. */
export interface FieldFault {
  readonly field: string;
  readonly description: string;
}

/** The facts of a refusal besides its message; each reason uses its own part. */
export interface RefusalFacts {
  readonly fields?: readonly FieldFault[];
  /** The object that is unknown or in the way, e.g. { type: "run", name: "wfr_…" }. */
  readonly resource?: { readonly type: string; readonly name: string };
  /** States of an illegal move. */
  readonly from?: string;
  readonly to?: string;
  /** The scope that the caller's token lacks. */
  readonly scope?: string;
  /** The name of the hook that refuses. */
  readonly hook?: string;
  /** The etag of the call, and that of what is stored; "" where nothing is. */
  readonly etags?: { readonly sent: string; readonly stored: string };
  readonly cause?: unknown;
}

/** The service refuses; `message` is a sentence for the caller. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: Reason;
  readonly facts: RefusalFacts;
  constructor(reason: Reason, message: string, facts: RefusalFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.reason = reason;
    this.facts = facts;
  }
}

/** These reasons carry RetryInfo. */
const TEMPORARY: Readonly<Record<Reason, boolean>> = {
  lost_race: true,
  overloaded: true,
  unavailable: true,
  invalid_fields: false,
  not_found: false,
  already_exists: false,
  illegal_move: false,
  nothing_published: false,
  workflow_paused: false,
  archived: false,
  has_runs: false,
  // What drops starts of a full workflow drops them for good.
  too_many_open_runs: false,
  hook_refused: false,
  // It is asked again by the next call; there is no telling when it answers.
  hook_away: false,
  etag_mismatch: false,
  too_large: false,
  // The database ended the work for its length: the same work takes as long again.
  too_costly: false,
  timed_out: false,
  unauthenticated: false,
  permission_denied: false,
};

/** Whether a request that is refused for this reason may succeed later as it is. */
export function isTemporaryReason(reason: Reason): boolean {
  return TEMPORARY[reason];
}
