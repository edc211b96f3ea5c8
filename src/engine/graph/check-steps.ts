/**
 * A step's own fields: its type, what the type needs, risk level, retry policy and timeout.
 * Boundary: config is looked into only for what the type needs; its keys and values are in check-config.ts.
 */
import type { RetryPolicy, StepDefinition } from "../definition.ts";
import { ownValue } from "../json.ts";
import { MAX_SECONDS } from "../limits.ts";
import { type AddFault, anyOf, quoted } from "./faults.ts";
import { isNotYet } from "./not-yet.ts";
import { RISK_LEVELS, riskLevelOf } from "./spellings.ts";

const MAX_RETRIES = 1_000;
/** Keys of config that say who does an AGENT_ACTION instead of an agent. */
const WORKER_KEYS = ["workflow", "queue"] as const;

/** Reports what is wrong with the fields of one step; `path` is `steps[3]`. */
export function checkStep(step: StepDefinition, path: string, addFault: AddFault): void {
  checkNeeds(step, path, addFault);
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

function checkNeeds(step: StepDefinition, path: string, addFault: AddFault): void {
  switch (step.stepType) {
    case "UNSPECIFIED":
      addFault(`${path}.step_type`, "is not set");
      return;
    case "AGENT_ACTION":
      checkWorker(step, path, addFault);
      return;
    case "APPROVAL_GATE":
      if (step.actionType === "" && step.name === "") {
        addFault(`${path}.action_type`, "an APPROVAL_GATE needs an action_type or a name");
      }
      return;
    case "GOVERNANCE_CHECK":
      if (step.actionType === "") {
        addFault(`${path}.action_type`, "a GOVERNANCE_CHECK needs an action_type");
      }
      return;
    case "WAIT_FOR_EVENT":
      checkWait(step, path, addFault);
      return;
    case "NOTIFICATION":
      if (step.notificationChannel === "" && step.notificationTemplate === "") {
        addFault(
          `${path}.notification_channel`,
          "a NOTIFICATION needs a notification_channel or a notification_template",
        );
      }
      return;
    case "HUMAN_TASK":
      if (step.name === "" && isUnset(step, "instructions")) {
        addFault(`${path}.config.instructions`, "a HUMAN_TASK needs config.instructions or a name");
      }
      return;
    case "BRANCH":
    case "PARALLEL":
      // What they need are edges: check-forks.ts.
      return;
  }
}

function checkWorker(step: StepDefinition, path: string, addFault: AddFault): void {
  const ways: string[] = [];
  if (step.agentId !== "" || step.requiredCapability !== "") ways.push("agent_id");
  for (const key of WORKER_KEYS) if (!isUnset(step, key)) ways.push(`config.${key}`);
  const [first = "agent_id", second] = ways;
  if (ways.length === 1) return;
  const keys = WORKER_KEYS.filter((key) => !isNotYet("AGENT_ACTION", key));
  const offered = ["agent_id and/or required_capability", ...keys.map((key) => `config.${key}`)];
  addFault(
    `${path}.${second ?? first}`,
    `an AGENT_ACTION needs exactly one of: ${offered.join(", ")}`,
  );
}

function checkWait(step: StepDefinition, path: string, addFault: AddFault): void {
  const byEvent = step.eventTypePattern !== "" || step.eventSubjectPattern !== "";
  const times = ["delay_seconds", "until"].filter((key) => !isUnset(step, key));
  if (!byEvent && times.length === 0) {
    addFault(
      `${path}.event_type_pattern`,
      "a WAIT_FOR_EVENT needs an event_type_pattern or event_subject_pattern, or config.delay_seconds or config.until",
    );
  }
  if (times.length === 2) {
    addFault(`${path}.config.until`, "a wait has config.delay_seconds or config.until, not both");
  }
  if (byEvent && times[0] !== undefined) {
    addFault(
      `${path}.config.${times[0]}`,
      "a step waits for an event or for a time, not both: timeout_seconds limits a wait for an event",
    );
  }
  for (const key of byEvent ? [] : ["filter_expr", "lookback_seconds"]) {
    if (!isUnset(step, key)) addFault(`${path}.config.${key}`, "only a wait for an event has it");
  }
}

function isUnset(step: StepDefinition, key: string): boolean {
  const value = ownValue(step.config, key);
  return value === undefined || value === "";
}
