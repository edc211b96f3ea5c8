/**
 * How a task ended, in the one form that objectives and delegations both report.
 *
 * Boundary: pure.
 */
import type { JsonObject } from "@bufbuild/protobuf";

/** The end of a task. An end without `output` is one that its owner knows no output of. */
export type Outcome =
  | { readonly kind: "completed"; readonly output?: JsonObject; readonly costUsd?: number }
  | { readonly kind: "failed"; readonly message: string; readonly costUsd?: number }
  | { readonly kind: "cancelled"; readonly reason: string };

/** The fields of an event's payload that report an outcome; `outputField` names the output's. */
export function renderOutcome(outcome: Outcome, outputField: string): JsonObject {
  if (outcome.kind === "cancelled") return { error_message: outcome.reason };
  const cost: JsonObject = outcome.costUsd === undefined ? {} : { cost_usd: outcome.costUsd };
  if (outcome.kind === "failed") return { error_message: outcome.message, ...cost };
  return outcome.output === undefined ? cost : { [outputField]: outcome.output, ...cost };
}
