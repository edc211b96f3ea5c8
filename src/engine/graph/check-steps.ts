/**
 * A step's own fields: its type, what the type needs, risk level, retry policy and timeout.
 * Boundary: config is looked into only for what the type needs; its keys and values are in check-config.ts.
 */

import { factsOf } from "../steps/registry.ts";
import type { RetryPolicy, StepDefinition } from "../values/definition.ts";
import { MAX_SECONDS } from "../values/limits.ts";
import { type AddFault, anyOf, quoted } from "./faults.ts";
import { RISK_LEVELS, riskLevelOf } from "./spellings.ts";

const MAX_RETRIES = 1_000;

/** Reports what is wrong with the fields of one step; `path` is `steps[3]`. */
export function checkStep(step: StepDefinition, path: string, addFault: AddFault): void {
  const facts = factsOf(step.stepType);
  if (facts === undefined) addFault(`${path}.step_type`, "is not set");
  else facts.checkNeeds(step, path, addFault);
  if (riskLevelOf(step.riskLevel) === undefined) {
    addFault(
      `${path}.risk_level`,
      `${quoted(step.riskLevel)} is no risk level: use ${anyOf(RISK_LEVELS)}`,
    );
  }
  checkSeconds(step.timeoutSeconds, `${path}.timeout_seconds`, addFault);
  if (step.retryPolicy !== undefined) {
    checkRetryPolicy(step.retryPolicy, `${path}.retry_policy`, addFault);
  }
}

/** Reports seconds that are negative, no number, or more than the wire's int32 holds. */
export function checkSeconds(seconds: number, field: string, addFault: AddFault): void {
  if (!(seconds >= 0 && seconds <= MAX_SECONDS)) {
    addFault(field, `must be from 0 to ${MAX_SECONDS} seconds, not ${seconds}`);
  }
}

/** Reports numbers of a retry policy out of their ranges. */
export function checkRetryPolicy(policy: RetryPolicy, path: string, addFault: AddFault): void {
  const { maxRetries, backoffSeconds, backoffMultiplier } = policy;
  if (!(Number.isInteger(maxRetries) && maxRetries >= 0 && maxRetries <= MAX_RETRIES)) {
    addFault(`${path}.max_retries`, `must be 0 to ${MAX_RETRIES}, not ${maxRetries}`);
  }
  checkSeconds(backoffSeconds, `${path}.backoff_seconds`, addFault);
  if (!(backoffMultiplier >= 0 && Number.isFinite(backoffMultiplier))) {
    addFault(`${path}.backoff_multiplier`, `must be 0 or more, not ${backoffMultiplier}`);
  }
}
