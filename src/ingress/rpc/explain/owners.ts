/**
 * Which services a call depends on, and which variable is missing for it.
 * Boundary: pure; what is configured is asked of the replica. performers/ know how each service is asked.
 */

import type { CallKind } from "../../../engine/values/call.ts";
import type { StepDefinition } from "../../../engine/values/definition.ts";
import type { ReplicaView } from "../../../runtime/replica-view.ts";

/** Collaborators by the kind of call; of a look-up it depends on the step. Calls to the service itself have none. */
const OWNERS: Readonly<Record<Exclude<CallKind, "look_up">, readonly string[]>> = {
  create_objective: ["objectives"],
  cancel_objective: ["objectives"],
  delegate: ["agents"],
  read_output: ["agents", "objectives"],
  query_usage: ["meter"],
  request_approval: ["approvals"],
  escalate_approval: ["approvals"],
  evaluate_action: ["governance"],
  send_notification: ["notifications"],
  start_run: [],
  cancel_run: [],
  compensate_run: [],
  tell_parent: [],
  start_rerun: [],
};

/** The collaborators that a call asks, those that it asks first before the others. */
export function ownersOf(kind: CallKind, step: StepDefinition): readonly string[] {
  if (kind !== "look_up") return OWNERS[kind];
  return [
    ...(step.skillId === "" ? [] : ["skills"]),
    ...(step.agentId === "" ? ["registry", "agents"] : []),
    ...(step.promptName === "" ? [] : ["agents", "prompts"]),
  ];
}

/** The variable without which a call of the step cannot be made; undefined: none is missing, or nothing is known. */
export function missingSetting(
  replica: ReplicaView | undefined,
  kind: CallKind,
  step: StepDefinition,
): string | undefined {
  if (replica === undefined) return undefined;
  const lacks = (name: string) => !replica.isConfigured(name);
  const missing = neededFor(kind, step).find((anyOf) => anyOf.every(lacks))?.[0];
  return missing === undefined ? undefined : `${missing.toUpperCase()}_URL`;
}

/** What is needed: of each list one. A prompt that no agent has bound is a wish. */
function neededFor(kind: CallKind, step: StepDefinition): readonly (readonly string[])[] {
  if (kind !== "look_up") return OWNERS[kind].slice(0, 1).map((name) => [name]);
  return [
    ...(step.skillId === "" ? [] : [["skills"]]),
    ...(step.agentId === "" ? [["registry", "agents"]] : []),
  ];
}
