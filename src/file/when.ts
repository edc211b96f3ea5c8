/**
 * `when:` of a step: the condition of the one edge that leads to it.
 * Boundary: edges that are made already; which edges there are is paths.ts's.
 */
import type { EdgeDefinition } from "../engine/values/definition.ts";
import type { StepDraft } from "./drafts.ts";
import type { FaultList, Place } from "./faults.ts";
import { type FileNode, findEntry, keyPlace } from "./nodes.ts";

/** An edge with the places of its parts. */
export interface MadeEdge {
  readonly edge: EdgeDefinition;
  readonly places: { readonly to: Place; readonly label: Place; readonly condition?: Place };
}

/** By index of an edge: the `when` of the step that it leads to. */
export function findConditions(
  drafts: readonly StepDraft[],
  made: readonly MadeEdge[],
  faults: FaultList,
): ReadonlyMap<number, FileNode> {
  const incoming = new Map<string, number[]>();
  for (const [at, { edge }] of made.entries()) {
    const found = incoming.get(edge.toStepId);
    if (found === undefined) incoming.set(edge.toStepId, [at]);
    else found.push(at);
  }
  const conditions = new Map<number, FileNode>();
  for (const { node, id } of drafts) {
    const when = findEntry(node, "when");
    if (when === undefined) continue;
    const [first, ...others] = incoming.get(id) ?? [];
    const problem = whenProblem(id, first === undefined ? undefined : made[first], others.length);
    if (first !== undefined && problem === undefined) conditions.set(first, when.value);
    else faults.add(keyPlace(when), problem ?? "");
  }
  return conditions;
}

function whenProblem(id: string, edge: MadeEdge | undefined, others: number): string | undefined {
  if (edge === undefined) return `no path leads to "${id}", so it has no condition`;
  if (others > 0) {
    return `${others + 1} paths lead to "${id}": write each condition with its next`;
  }
  return edge.edge.conditionExpr === "" ? undefined : `the path to "${id}" has a condition already`;
}
