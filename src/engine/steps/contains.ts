/**
 * What the steps of a version do, for lists and filters.
 * Boundary: pure. store/reads/workflow-lists.ts computes the same in SQL for versions that were published without.
 */
import type { StepDefinition } from "../values/definition.ts";
import { workflowOf } from "./child-runs/setting.ts";
import { factsOf } from "./registry.ts";
import { STEP_TYPES, type StepType } from "./types.ts";
import { queueOf } from "./worker-task/queue.ts";

/** Flags of a version, a bit each. They are stored. */
export const CONTAINS = { agent: 1, mcp: 2, skill: 4, approval: 8 } as const;

/** Types whose steps are an agent's, unless a worker or another workflow does them. */
export const AGENT_TYPES: readonly StepType[] = STEP_TYPES.filter(
  (type) => factsOf(type)?.hasAgent === true,
);
/** Types whose steps ask people for an approval. */
export const GATE_TYPES: readonly StepType[] = ["APPROVAL_GATE"];

/** The sum of the flags of a version. No step calls a tool over MCP yet. */
export function containsOf(steps: readonly StepDefinition[]): number {
  return steps.reduce((flags, step) => flags | flagsOf(step), 0);
}

function flagsOf(step: StepDefinition): number {
  const { stepType, skillId } = step;
  if (stepType === "UNSPECIFIED") return 0;
  const isElsewhere = queueOf(step) !== undefined || workflowOf(step) !== undefined;
  const isAgents = AGENT_TYPES.includes(stepType) && !isElsewhere;
  return (
    (isAgents ? CONTAINS.agent : 0) |
    (skillId === "" ? 0 : CONTAINS.skill) |
    (GATE_TYPES.includes(stepType) ? CONTAINS.approval : 0)
  );
}
