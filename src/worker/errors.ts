/** Errors by which a handler says what becomes of its attempt. Any other error fails the attempt, which is retried as the step says. */

/** Fails the attempt; the step is not retried, whatever its retry policy says. */
export class NonRetryable extends Error {
  override name = "NonRetryable";
}

/** Fails the attempt; the next one, where the step has one left, begins no earlier than `delayMs` from now. */
export class RetryAfter extends Error {
  override name = "RetryAfter";
  /** Milliseconds, 0 to a day. */
  readonly delayMs: number;

  constructor(delayMs: number, message: string, options?: ErrorOptions) {
    super(message, options);
    if (!(delayMs >= 0 && delayMs <= DAY_MS)) {
      throw new RangeError(`RetryAfter takes 0 to ${DAY_MS} ms, not ${delayMs}`);
    }
    this.delayMs = delayMs;
  }
}

const DAY_MS = 86_400_000;
