/**
 * Why a message of the bus cannot be read: a closed list, as it stands in `dead_letters.reason`,
 * in the header `Dead-Letter-Reason` and in metrics.
 *
 * Boundary: words only; who puts the message aside is not known here.
 */

/** Reasons of decoding. What fails later is `handling_failed` (see ingress/bus). */
export type PoisonReason =
  | "too_large"
  | "unknown_encoding"
  | "not_utf8"
  | "not_json"
  | "not_an_object"
  | "missing_attribute"
  | "bad_attribute"
  | "bad_data";

/** A message that cannot be read; `problem` is a sentence without the message's content. */
export interface Poison {
  readonly ok: false;
  readonly reason: PoisonReason;
  readonly problem: string;
}

/** A message that cannot be read, for this reason. */
export function poison(reason: PoisonReason, problem: string): Poison {
  return { ok: false, reason, problem };
}
