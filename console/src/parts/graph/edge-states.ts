/**
 * Which links of a run's graph are taken and which are dead, as the service decided their edges.
 * Boundary: pure.
 */
import { EdgeState } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import type { GraphModel } from "./graph-model.ts";

/** `open`: it is not decided, or not known yet. */
export type LinkState = "open" | "taken" | "dead";

/** The state of each link, by its id. `edges` are those of an Explanation; empty: nothing is known yet. */
export function linkStatesOf(
  { links }: GraphModel,
  edges: readonly EdgeState[],
): ReadonlyMap<string, LinkState> {
  return new Map(links.map(({ id, places }) => [id, stateOf(places.map((place) => edges[place]))]));
}

/** A link may stand for several edges: one that is taken is enough. */
function stateOf(edges: readonly (EdgeState | undefined)[]): LinkState {
  if (edges.includes(EdgeState.TAKEN)) return "taken";
  return edges.every((edge) => edge === EdgeState.DEAD) ? "dead" : "open";
}
