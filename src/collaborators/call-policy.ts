/**
 * What follows from a failed call: another try with the same key and bytes, or a refusal that fails the attempt.
 * Boundary: pure; decides by code and cause, never by text. Time and chance come from the caller.
 */
import { Code } from "@connectrpc/connect";
import type { CallFailure } from "./call-failure.ts";

/** Past this age the collaborator may have forgotten the idempotency key (it keeps keys for 24 h). */
export const KEY_AGE_LIMIT_MS = 23 * 60 * 60 * 1000;
/** So many answers INTERNAL or UNKNOWN in a row are a refusal. */
const INTERNAL_ANSWERS_LIMIT = 5;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 30_000;

const AWAY_CODES: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Aborted,
  Code.Canceled,
  Code.Internal,
  Code.Unknown,
]);
const INTERNAL_CODES: ReadonlySet<Code> = new Set([Code.Internal, Code.Unknown]);
/** Away, but a sign of life: another caller has the key, or the call was withdrawn. */
const LIVELY_CODES: ReadonlySet<Code> = new Set([Code.Aborted, Code.Canceled]);

/** What is known of a call besides its last failure. */
export interface CallHistory {
  /** Tries so far that found the collaborator away, this one included. */
  readonly tries: number;
  /** Answers INTERNAL or UNKNOWN in a row, this one included. */
  readonly internalAnswers: number;
}

/** What to do next. */
export type Verdict =
  | { readonly kind: "again"; readonly delayMs: number }
  | { readonly kind: "refused"; readonly message: string };

/** Judges a failure; `chance` is a random number of [0, 1). */
export function judgeFailure(failure: CallFailure, history: CallHistory, chance: number): Verdict {
  if (!isAway(failure) || history.internalAnswers >= INTERNAL_ANSWERS_LIMIT) {
    return { kind: "refused", message: describeFailure(failure) };
  }
  return { kind: "again", delayMs: backoffMs(history.tries, chance) };
}

/** Whether the collaborator could not be asked, so that the same call may succeed later. */
function isAway(failure: CallFailure): boolean {
  switch (failure.kind) {
    case "broken":
      return true;
    case "unreadable":
      return false;
    case "answered":
      // A stored failure comes again for as long as the key lives.
      if (failure.replayed && failure.httpStatus >= 500) return false;
      return AWAY_CODES.has(failure.code);
  }
}

/** Whether the collaborator answered that it failed, which it may do for one request only. */
export function isInternalAnswer(failure: CallFailure): boolean {
  return failure.kind === "answered" && INTERNAL_CODES.has(failure.code);
}

/** Whether the failure is a reason to leave the collaborator alone for a while. */
export function countsAgainstCollaborator(failure: CallFailure): boolean {
  return isAway(failure) && !(failure.kind === "answered" && LIVELY_CODES.has(failure.code));
}

/** Delay before try number `tries` + 1: doubling from 200 ms to 30 s, the upper half of it by chance. */
export function backoffMs(tries: number, chance: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(tries - 1, 20));
  return Math.round(full * (0.5 + chance * 0.5));
}

/** The message of a call whose key is too old to be sent again. */
export function outcomeUnknown(ageMs: number): string {
  const hours = Math.floor(ageMs / 3_600_000);
  return `no answer for ${hours} h: outcome unknown, and the key is too old to ask again safely`;
}

/** A failure in words: the code's name and what the collaborator said. */
export function describeFailure(failure: CallFailure): string {
  const name = CODE_NAMES.get(failure.code) ?? String(failure.code);
  return failure.message === "" ? name : `${name}: ${failure.message}`;
}

const CODE_NAMES: ReadonlyMap<Code, string> = new Map([
  [Code.Canceled, "CANCELED"],
  [Code.Unknown, "UNKNOWN"],
  [Code.InvalidArgument, "INVALID_ARGUMENT"],
  [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.NotFound, "NOT_FOUND"],
  [Code.AlreadyExists, "ALREADY_EXISTS"],
  [Code.PermissionDenied, "PERMISSION_DENIED"],
  [Code.ResourceExhausted, "RESOURCE_EXHAUSTED"],
  [Code.FailedPrecondition, "FAILED_PRECONDITION"],
  [Code.Aborted, "ABORTED"],
  [Code.OutOfRange, "OUT_OF_RANGE"],
  [Code.Unimplemented, "UNIMPLEMENTED"],
  [Code.Internal, "INTERNAL"],
  [Code.Unavailable, "UNAVAILABLE"],
  [Code.DataLoss, "DATA_LOSS"],
  [Code.Unauthenticated, "UNAUTHENTICATED"],
]);
