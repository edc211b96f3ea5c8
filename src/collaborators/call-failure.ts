/**
 * How a call to a collaborator goes wrong, in one shape for every protocol.
 * Boundary: made by the transports, judged by call-policy.ts. What is known is codes and causes; the text is for people.
 */
import type { Code } from "@connectrpc/connect";

/**
 * `answered`: the collaborator said no, with a code. `broken`: no answer came (refused, reset, timed out).
 * `unreadable`: an answer came that is too large or no message of the contract.
 */
export type FailureKind = "answered" | "broken" | "unreadable";

/** What is known of a failed call. */
export interface FailureFacts {
  readonly kind: FailureKind;
  readonly code: Code;
  /** 0 where the protocol hides it. */
  readonly httpStatus?: number;
  /** The answer is the stored one of an earlier try (`X-Idempotent-Replay: true`). */
  readonly replayed?: boolean;
  readonly cause?: unknown;
}

const MESSAGE_CHARS_AT_MOST = 1_000;

/** A call failed; `message` is the collaborator's, shortened. */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  readonly kind: FailureKind;
  readonly code: Code;
  readonly httpStatus: number;
  readonly replayed: boolean;
  constructor(message: string, facts: FailureFacts) {
    // A NUL could not be stored with the step.
    super(message.replaceAll("\u0000", "\ufffd").slice(0, MESSAGE_CHARS_AT_MOST).toWellFormed(), {
      cause: facts.cause,
    });
    this.kind = facts.kind;
    this.code = facts.code;
    this.httpStatus = facts.httpStatus ?? 0;
    this.replayed = facts.replayed ?? false;
  }
}

/** A call that does not wait long was not sent: the collaborator is left alone just now, or too many were before it. */
export class NoTurn extends Error {
  override readonly name = "NoTurn";
}

/** A call was not sent: there is no room for it in memory, or the service stops. Others may perform it later. */
export class NotSent extends Error {
  override readonly name = "NotSent";
}
