/** Limits of the streams of a server. Boundary: values; who applies them is stream-answers.ts and watch.ts. */

/** Times in ms. */
export interface StreamLimits {
  /** How long a caller may leave a message untaken. */
  readonly takenWithinMs: number;
  /** How often the caller's token is checked. */
  readonly tokenEveryMs: number;
  /** How long a stream says nothing. */
  readonly signOfLifeMs: number;
  /** How long a stream lives: what a caller does not read may fit into buffers for days. */
  readonly ageMs: number;
}

/** Those of the service. */
export const STREAM_LIMITS: StreamLimits = {
  takenWithinMs: 30_000,
  tokenEveryMs: 10_000,
  signOfLifeMs: 30_000,
  ageMs: 3_600_000,
};
