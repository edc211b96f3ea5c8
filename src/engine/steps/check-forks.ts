/**
 * What the edges of a BRANCH and of a PARALLEL must be to one another.
 * Boundary: reads roles of edges; conditions are compared as texts.
 */
import type { EdgeDefinition, StepDefinition, VersionSpec } from "../definition.ts";
import { type AddFault, quoted } from "../graph/faults.ts";
import type { Links } from "../graph/links.ts";
import { ownValue } from "../json.ts";

interface Leaving {
  readonly index: number;
  readonly edge: EdgeDefinition;
}

/** Reports branches without a choice, with two fallbacks or a `default` edge that has a condition. */
export function checkBranches(spec: VersionSpec, links: Links, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    if (step.stepType !== "BRANCH" || links.indexById.get(step.id) !== index) continue;
    const choices = leaving(spec, links, index, "success");
    if (choices.length === 0) {
      addFault(`steps[${index}]`, `the BRANCH ${quoted(step.id)} has no edge to choose`);
    }
    checkFallbacks(step, choices, addFault);
  }
}

function checkFallbacks(
  branch: StepDefinition,
  choices: readonly Leaving[],
  addFault: AddFault,
): void {
  let first = -1;
  for (const { index, edge } of choices) {
    if (edge.label === "default" && edge.conditionExpr !== "") {
      addFault(`edges[${index}].condition_expr`, 'a "default" edge has no condition');
    }
    if (!isFallback(branch, edge)) continue;
    if (first === -1) first = index;
    else {
      addFault(
        `edges[${index}]`,
        `is a second fallback of the BRANCH ${quoted(branch.id)} besides edges[${first}]: ` +
          'one edge is labelled "default", or has neither a condition nor a label that chooses it',
      );
    }
  }
}

/** Without a value of the branch no label can choose an edge, so every edge without condition is a fallback. */
function isFallback(branch: StepDefinition, edge: EdgeDefinition): boolean {
  if (edge.label === "default") return true;
  return edge.conditionExpr === "" && (edge.label === "" || branch.conditionExpr === "");
}

/** Reports a PARALLEL without children, or with fewer than it requires, and children that other edges lead to as well. */
export function checkParallels(spec: VersionSpec, links: Links, addFault: AddFault): void {
  for (const [index, step] of spec.steps.entries()) {
    if (step.stepType !== "PARALLEL" || links.indexById.get(step.id) !== index) continue;
    const children = leaving(spec, links, index, "child").length;
    const required = ownValue(step.config, "required");
    if (children === 0) {
      addFault(`steps[${index}]`, `the PARALLEL ${quoted(step.id)} has no edge to a child`);
    } else if (Number.isInteger(required) && Number(required) > children) {
      const path = `steps[${index}].config.required`;
      addFault(path, `is ${required}, but only ${children} edges lead to a child`);
    }
  }
  for (const [index, incoming] of links.incoming.entries()) {
    const toChild = incoming.find((edge) => links.edges[edge]?.role === "child");
    if (toChild === undefined) continue;
    const child = quoted(spec.steps[index]?.id ?? "");
    const parallel = quoted(spec.edges[toChild]?.fromStepId ?? "");
    for (const edge of incoming.slice(1)) {
      addFault(
        `edges[${edge}].to_step_id`,
        `${child} is a child of the PARALLEL ${parallel} and has edges[${incoming[0]}] already: ` +
          "a child has one incoming edge",
      );
    }
  }
}

function leaving(
  spec: VersionSpec,
  links: Links,
  from: number,
  role: "success" | "child",
): Leaving[] {
  return (links.outgoing[from] ?? []).flatMap((index) => {
    const edge = spec.edges[index];
    return edge !== undefined && links.edges[index]?.role === role ? [{ index, edge }] : [];
  });
}
