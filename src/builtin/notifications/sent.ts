/** What a try of a message came to. Boundary: a value and its makers. */

/** What a try came to. */
export type Sent =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: string;
      /** False: another try would fail alike. */
      readonly mayRetry: boolean;
      /** True: the receiver may have the message. */
      readonly isUnsure: boolean;
      readonly retryAfterMs?: number;
    };

/** A try whose message the receiver has not taken. */
export function refused(error: string, mayRetry: boolean) {
  return { ok: false, error, mayRetry, isUnsure: false } as const;
}

/** A field of a value that was thrown; undefined: it has none. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
