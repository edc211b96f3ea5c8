/** The limits that streams get in tests: those of a service that sets none. */
import type { StreamLimits } from "../../../src/runtime/stream-limits.ts";

export const STREAM_LIMITS: StreamLimits = { maxAgeMs: 7 * 86_400_000, replicas: 1 };
