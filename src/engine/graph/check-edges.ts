/**
 * Edges one by one: known ends, no self edge, no duplicate.
 * Boundary: what edges make together is in check-children.ts, check-cycles.ts and the facts of step types.
 */
import type { EdgeDefinition, VersionSpec } from "../values/definition.ts";
import { type AddFault, quoted } from "./faults.ts";
import type { Links } from "./links.ts";

/** Reports edges to unknown steps, self edges and duplicates; of two equal edges the later one. */
export function checkEdges(spec: VersionSpec, links: Links, addFault: AddFault): void {
  const indexByContent = new Map<string, number>();
  for (const [index, edge] of spec.edges.entries()) {
    const path = `edges[${index}]`;
    checkEnd(edge.fromStepId, `${path}.from_step_id`, links, addFault);
    checkEnd(edge.toStepId, `${path}.to_step_id`, links, addFault);
    if (edge.fromStepId !== "" && edge.fromStepId === edge.toStepId) {
      addFault(`${path}.to_step_id`, `an edge cannot lead from ${quoted(edge.toStepId)} to itself`);
    }
    const content = contentOf(edge);
    const first = indexByContent.get(content);
    if (first === undefined) indexByContent.set(content, index);
    else addFault(path, `has the same ends, label and condition as edges[${first}]`);
  }
}

function contentOf(edge: EdgeDefinition): string {
  return JSON.stringify([edge.fromStepId, edge.toStepId, edge.label, edge.conditionExpr]);
}

function checkEnd(id: string, field: string, links: Links, addFault: AddFault): void {
  if (id === "") addFault(field, "is empty");
  else if (!links.indexById.has(id)) addFault(field, `there is no step ${quoted(id)}`);
}
