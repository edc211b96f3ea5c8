/**
 * Limits of the streams that the service makes: how long and how much they keep, and in how many copies.
 * Boundary: pure, in the fields of JetStream's stream settings; streams are made by ingress and egress.
 */

/** What an operator sets (BUS_STREAM_MAX_AGE, BUS_STREAM_MAX_BYTES, BUS_STREAM_REPLICAS). */
export interface StreamLimits {
  /** 0: messages do not expire. */
  readonly maxAgeMs: number;
  /** Unset: no limit. */
  readonly maxBytes?: number;
  readonly replicas: number;
}

/** The fields of a stream's settings that the limits decide; `max_age` in ns, `max_bytes` -1 without a limit. */
export interface LimitSettings {
  readonly max_age: number;
  readonly max_bytes: number;
  readonly num_replicas: number;
}

const NS_A_MS = 1_000_000;

/** The limits as JetStream's settings. */
export function limitSettings({ maxAgeMs, maxBytes, replicas }: StreamLimits): LimitSettings {
  return { max_age: maxAgeMs * NS_A_MS, max_bytes: maxBytes ?? -1, num_replicas: replicas };
}

/** How an existing stream differs from the limits, by field: what it has and what is set. Undefined: not at all. */
export function limitDifferences(
  found: LimitSettings,
  limits: StreamLimits,
): Readonly<Record<string, { readonly stream: number; readonly set: number }>> | undefined {
  const wanted = limitSettings(limits);
  const fields = ["max_age", "max_bytes", "num_replicas"] as const;
  const differing = fields.filter((field) => found[field] !== wanted[field]);
  if (differing.length === 0) return undefined;
  return Object.fromEntries(
    differing.map((field) => [field, { stream: found[field], set: wanted[field] }]),
  );
}
