/**
 * Why a message of the bus is not applied: closed lists, as in `dead_letters.reason`, in
 * the header `Dead-Letter-Reason` and in metrics.
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
  | "not_protobuf"
  | "missing_attribute"
  | "bad_attribute"
  | "bad_data";

/** A message that cannot be read; `problem` is a sentence without the message's content. */
export interface Poison {
  readonly ok: false;
  readonly reason: PoisonReason;
  readonly problem: string;
}

/**
 * A sound message that does not concern the service: it has no workspace, or protobuf data of
 * an unknown type.
 */
export interface Ignored {
  readonly ok: "ignored";
  readonly reason: "no_tenant" | "unknown_type";
}

/** A message that cannot be read, for this reason. */
export function poison(reason: PoisonReason, problem: string): Poison {
  return { ok: false, reason, problem };
}

/** A message that is ignored, for this reason. */
export function ignored(reason: Ignored["reason"]): Ignored {
  return { ok: "ignored", reason };
}
