/** AGENT_ACTION: facts of the type. See steps/facts.ts. */

import type { AddFault } from "../../graph/faults.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { checkBesideWorkflow } from "../child-runs/check.ts";
import { PLAIN_FACTS, type ServiceName, type StepFacts } from "../facts.ts";
import { isUnset } from "../is-unset.ts";
import { OF_EVERY_STEP, TROUBLE_WORDS } from "../outcomes.ts";
import { AGENT_ACTION_KEYS } from "./keys.ts";

/** Keys of config that name another worker than an agent. */
const WORKER_KEYS = ["workflow", "queue"] as const;

/** See the file's head. */
export const agentActionFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: AGENT_ACTION_KEYS,
  takesParameters: true,
  outcomes: OF_EVERY_STEP,
  usualWords: TROUBLE_WORDS,
  passesInput: "never",
  hasAgent: true,
  shownAs: "agent",
  servicesOf,
  checkNeeds,
  checkConfig: checkBesideWorkflow,
};

/** None where a child run or a worker does the work. */
function servicesOf(step: StepDefinition): readonly (readonly ServiceName[])[] {
  if (WORKER_KEYS.some((key) => !isUnset(step, key))) return [];
  const isDelegated = step.agentId === "" || step.config.delegate === true;
  return [
    ["objectives"],
    ...(step.agentId === "" ? [["registry", "agents"] as const] : []),
    ...(isDelegated ? [["agents"] as const] : []),
    ...(step.skillId === "" ? [] : [["skills"] as const]),
  ];
}

function checkNeeds(step: StepDefinition, path: string, addFault: AddFault): void {
  const ways: string[] = [];
  if (step.agentId !== "" || step.requiredCapability !== "") ways.push("agent_id");
  for (const key of WORKER_KEYS) if (!isUnset(step, key)) ways.push(`config.${key}`);
  const [first = "agent_id", second] = ways;
  if (ways.length === 1) return;
  const keys = WORKER_KEYS.map((key) => `config.${key}`);
  const offered = ["agent_id and/or required_capability", ...keys];
  addFault(
    `${path}.${second ?? first}`,
    `an AGENT_ACTION needs exactly one of: ${offered.join(", ")}`,
  );
}
