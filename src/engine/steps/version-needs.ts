/**
 * What a version needs so that its steps can work: services, agents, capabilities and workflows, each with the first step that needs it.
 * Boundary: pure; what is there is asked by egress/health/.
 */
import type { StepDefinition, VersionSpec } from "../values/definition.ts";
import { type FixedTarget, fixedTargetOf } from "./child-runs/setting.ts";
import type { ServiceName } from "./facts.ts";
import { factsOf } from "./registry.ts";

/** A name, and the first step that needs it. */
interface Needed {
  readonly name: string;
  readonly stepId: string;
}

/** See the file's head. */
export interface VersionNeeds {
  /** Of each list one. */
  readonly services: readonly {
    readonly anyOf: readonly ServiceName[];
    readonly stepId: string;
  }[];
  readonly agents: readonly Needed[];
  readonly capabilities: readonly Needed[];
  /** Those that it starts, where no expression names them. */
  readonly workflows: readonly (FixedTarget & Pick<Needed, "stepId">)[];
  /** Steps with which runs begin, by their index in the version. */
  readonly roots: ReadonlyMap<number, string>;
}

/** The needs of a version that is published. */
export function needsOf({ steps, edges }: Pick<VersionSpec, "steps" | "edges">): VersionNeeds {
  const services = new Map<string, VersionNeeds["services"][number]>();
  const agents = new Map<string, Needed>();
  const capabilities = new Map<string, Needed>();
  const workflows = new Map<string, VersionNeeds["workflows"][number]>();
  for (const step of steps) {
    const facts = factsOf(step.stepType);
    const { id: stepId } = step;
    const target = fixedTargetOf(step);
    if (target !== undefined) keepFirst(workflows, target.id || target.name, { ...target, stepId });
    const lists = facts?.servicesOf?.(step) ?? [];
    for (const anyOf of lists) keepFirst(services, anyOf.join(), { anyOf, stepId });
    // A child run or a worker does the work of the others.
    if (facts?.hasAgent !== true || lists.length === 0) continue;
    const { agentId, requiredCapability } = step;
    if (agentId !== "") keepFirst(agents, agentId, { name: agentId, stepId });
    else keepFirst(capabilities, requiredCapability, { name: requiredCapability, stepId });
  }
  return {
    services: [...services.values()],
    agents: [...agents.values()],
    capabilities: [...capabilities.values()],
    workflows: [...workflows.values()],
    roots: rootsOf(steps, edges),
  };
}

function keepFirst<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (!known.has(key)) known.set(key, value);
}

function rootsOf(
  steps: readonly StepDefinition[],
  edges: VersionSpec["edges"],
): Map<number, string> {
  const entered = new Set(edges.map(({ toStepId }) => toStepId));
  const undoing = new Set(steps.map(({ compensationStepId }) => compensationStepId));
  return new Map(
    steps.flatMap(({ id }, index): [number, string][] =>
      entered.has(id) || undoing.has(id) ? [] : [[index, id]],
    ),
  );
}
