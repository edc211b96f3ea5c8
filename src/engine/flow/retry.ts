/** When the next attempt of a step begins. Pure: the jitter is a hash of the step's name and attempt, not random. */
import type { RetrySettings } from "../graph/graph.ts";

/** The longest wait between two attempts: a day, in ms. */
const MAX_BACKOFF_MS = 86_400_000;

/**
 * Milliseconds before the attempt that follows `retryCount` retries: backoff * multiplier^retryCount, ±10 % jitter,
 * capped at a day; 0 stays 0. `seed` names the step, so that steps that fail together do not retry together.
 */
export function retryDelayMs(policy: RetrySettings, retryCount: number, seed: string): number {
  // 0 times an infinite multiplier is NaN.
  if (policy.backoffMs === 0) return 0;
  const plain = policy.backoffMs * policy.multiplier ** retryCount;
  const jitter = 0.9 + 0.2 * unitHash(`${seed}/${retryCount}`);
  return Math.round(Math.min(plain * jitter, MAX_BACKOFF_MS));
}

/** FNV-1a, folded to [0, 1). */
function unitHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash / 0x1_0000_0000;
}
