/**
 * Labels that name outcomes, and other words that authors use for them.
 * Boundary: words; the facts of each type select them.
 */

/** Outcomes of every step that a label can catch. */
export const OF_EVERY_STEP = ["timeout", "error"] as const;
/** Outcomes of a step that asks for a decision. */
export const OF_DECISIONS = ["approved", "denied", "expired", ...OF_EVERY_STEP] as const;
/** Outcomes of a PARALLEL. */
export const OF_FORKS = ["joined", ...OF_EVERY_STEP] as const;

/** A label that names an outcome wherever it is reserved. */
export type OutcomeLabel = (typeof OF_DECISIONS)[number] | (typeof OF_FORKS)[number];

/** Other words for the outcomes of a decision. */
export const DECISION_WORDS: readonly string[] = [
  ...["approve", "approval", "accept", "accepted", "allow", "allowed", "permit", "permitted"],
  ...["grant", "granted", "confirm", "confirmed", "agreed", "auto_approved", "ok", "yes"],
  ...["deny", "denial", "reject", "rejected", "rejection", "decline", "declined", "refuse"],
  ...["refused", "disapprove", "disapproved", "disallow", "disallowed", "forbidden", "block"],
  ...["blocked", "no", "expire", "expiry", "lapsed", "require_approval"],
];
/** Other words for a failure. */
export const FAILURE_WORDS: readonly string[] = [
  ...["fail", "failed", "failure", "on_error", "on_failure", "errored", "exception"],
];
/** Other words for a time-out or a failure. */
export const TROUBLE_WORDS: readonly string[] = [
  ...["timed_out", "timedout", "on_timeout", "deadline", "deadline_exceeded"],
  ...FAILURE_WORDS,
];
