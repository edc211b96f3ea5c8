/**
 * How the steps of a version hang together, by indexes instead of ids.
 * Boundary: works on specs with faults too; what is wrong with them is reported by the checks.
 * Invariants:
 * 1. Of several steps with one id the first one has it.
 * 2. `incoming` and `outgoing` hold only edges between two different known steps, in version order.
 */
import type { VersionSpec } from "../values/definition.ts";
import { edgeRoleOf } from "./edge-role.ts";
import type { EdgeRole } from "./graph.ts";

/** An edge by the indexes of its steps; -1 for a step that there is not. */
interface Link {
  readonly from: number;
  readonly to: number;
  readonly role: EdgeRole;
}

/** All edges and compensation links of a version. */
export interface Links {
  readonly indexById: ReadonlyMap<string, number>;
  /** One an edge, in version order. */
  readonly edges: readonly Link[];
  /** By step index: indexes of edges. */
  readonly incoming: readonly (readonly number[])[];
  readonly outgoing: readonly (readonly number[])[];
  /** By step index: the first step that names it as its compensation step, -1 when none does. */
  readonly compensates: readonly number[];
}

/** Resolves the ids of a version. Linear in steps and edges. */
export function linkSteps(spec: VersionSpec): Links {
  const indexById = new Map<string, number>();
  for (const [index, step] of spec.steps.entries()) {
    if (!indexById.has(step.id)) indexById.set(step.id, index);
  }
  const incoming: number[][] = spec.steps.map(() => []);
  const outgoing: number[][] = spec.steps.map(() => []);
  const edges = spec.edges.map((edge, index): Link => {
    const from = indexById.get(edge.fromStepId) ?? -1;
    const to = indexById.get(edge.toStepId) ?? -1;
    if (from >= 0 && to >= 0 && from !== to) {
      outgoing[from]?.push(index);
      incoming[to]?.push(index);
    }
    const source = spec.steps[from];
    return { from, to, role: source === undefined ? "success" : edgeRoleOf(source, edge.label) };
  });
  return { indexById, edges, incoming, outgoing, compensates: compensatedSteps(spec, indexById) };
}

function compensatedSteps(spec: VersionSpec, indexById: ReadonlyMap<string, number>): number[] {
  const compensates = spec.steps.map(() => -1);
  for (const [index, step] of spec.steps.entries()) {
    const target = indexById.get(step.compensationStepId);
    if (target !== undefined && target !== index && compensates[target] === -1)
      compensates[target] = index;
  }
  return compensates;
}

/** Whether a step only serves as another's compensation step: it has no edges of its own. */
export function isCompensation(links: Links, index: number): boolean {
  const wired = (links.incoming[index]?.length ?? 0) + (links.outgoing[index]?.length ?? 0) > 0;
  return !wired && (links.compensates[index] ?? -1) >= 0;
}

/** Whether a run begins with this step. */
export function isRoot(links: Links, index: number): boolean {
  return links.incoming[index]?.length === 0 && !isCompensation(links, index);
}
