/**
 * A version as nodes and links that can be laid out: compensation steps stand beside what they undo, edges between the same two steps
 * are one link.
 * Boundary: pure; a version alone. What a run did with it is edge-states.ts.
 */
import {
  type Edge,
  type StepDefinition,
  StepType,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { groupBy } from "./group-by.ts";

/** A step that is a box of its own in the layout. */
interface GraphNode {
  readonly id: string;
  readonly step: StepDefinition;
  /** The step that undoes it, which stands beside it. */
  readonly undo: StepDefinition | undefined;
}

/** One or several edges from a step to another one. */
export interface GraphLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Its edges, by their places in the version. */
  readonly places: readonly number[];
  /** Labels and conditions of its edges; empty: it is taken on success. */
  readonly label: string;
  /** Labels of its edges, as they are written. */
  readonly labels: readonly string[];
}

/** What is drawn of a version. */
export interface GraphModel {
  readonly nodes: readonly GraphNode[];
  readonly links: readonly GraphLink[];
  /** Children of a PARALLEL, and steps that follow when they are joined: these stand below, without a link of their own. */
  readonly above: readonly { readonly from: string; readonly to: string }[];
}

/** The model of a version. Steps that edges name and that are not there are left out. */
export function modelOf(steps: readonly StepDefinition[], edges: readonly Edge[]): GraphModel {
  const byId = new Map(steps.map((step) => [step.id, step]));
  // One step may undo several others: it stands beside the first one, and each of them names it.
  const beside = new Map<string, StepDefinition>();
  const placed = new Set<string>();
  for (const { id, compensationStepId } of steps) {
    const undo = byId.get(compensationStepId);
    if (undo === undefined || placed.has(undo.id)) continue;
    placed.add(undo.id);
    beside.set(id, undo);
  }
  const nodes = steps
    .filter(({ id }) => !placed.has(id))
    .map((step) => ({ id: step.id, step, undo: beside.get(step.id) }));
  const placedEdges = edges.map((edge, place) => ({ edge, place }));
  const links = linksOf(placedEdges.filter(({ edge }) => known(edge.fromStepId, edge.toStepId)));
  return { nodes, links, above: joinsOf(steps, links) };

  function known(from: string, to: string): boolean {
    return byId.has(from) && byId.has(to) && !placed.has(from) && !placed.has(to);
  }
}

function linksOf(edges: readonly { readonly edge: Edge; readonly place: number }[]): GraphLink[] {
  // Ids of steps have no spaces.
  const together = groupBy(edges, ({ edge }) => `${edge.fromStepId} ${edge.toStepId}`);
  return [...together].map(([id, both]) => ({
    id,
    from: both[0]?.edge.fromStepId ?? "",
    to: both[0]?.edge.toStepId ?? "",
    places: both.map(({ place }) => place),
    label: [...new Set(both.map(({ edge }) => labelOf(edge)))]
      .filter((label) => label !== "")
      .join(" · "),
    labels: both.map(({ edge }) => edge.label),
  }));
}

function joinsOf(steps: readonly StepDefinition[], links: readonly GraphLink[]) {
  const parallels = new Set(
    steps.filter(({ stepType }) => stepType === StepType.PARALLEL).map(({ id }) => id),
  );
  const linked = new Set(links.map(({ id }) => id));
  const leaving = groupBy(
    links.filter(({ from }) => parallels.has(from)),
    ({ from }) => from,
  );
  return [...leaving.values()].flatMap((all) => {
    const children = all.filter(({ labels }) => labels.every((label) => !AFTER.has(label)));
    const after = all.filter(({ labels }) => labels.some((label) => AFTER.has(label)));
    return after.flatMap(({ to }) =>
      children
        .map((child) => ({ from: child.to, to }))
        .filter((pair) => pair.from !== to && !linked.has(`${pair.from} ${pair.to}`)),
    );
  });
}

/** Labels of what follows a PARALLEL as a whole. */
const AFTER: ReadonlySet<string> = new Set(["joined", "error", "timeout"]);

function labelOf({ label, conditionExpr }: Edge): string {
  if (conditionExpr === "") return label;
  return label === "" ? conditionExpr : `${label}: ${conditionExpr}`;
}

/** How a step starts child runs: not, one, or one for each item of a list. */
export function childrenOf({ config }: StepDefinition): "none" | "one" | "each" {
  const workflow = config?.workflow;
  if (typeof workflow !== "object" || workflow === null || Array.isArray(workflow)) return "none";
  return "for_each" in workflow ? "each" : "one";
}
