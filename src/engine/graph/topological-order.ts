/**
 * An order of steps in which every step comes after its predecessors.
 * Boundary: links of a version without cycles; steps on a cycle are left out.
 */
import type { Links } from "./links.ts";

/** All steps, predecessors first; among those that are ready the earlier one in the version comes first. */
export function topologicalOrder(links: Links): number[] {
  const open = links.incoming.map((edges) => edges.length);
  // Latest first, so that the next one is taken from the end.
  const ready: number[] = [...open.keys()].filter((step) => open[step] === 0).reverse();
  const order: number[] = [];
  for (let step = ready.pop(); step !== undefined; step = ready.pop()) {
    order.push(step);
    for (const edge of links.outgoing[step] ?? []) {
      const to = links.edges[edge]?.to ?? -1;
      const left = (open[to] ?? 0) - 1;
      open[to] = left;
      if (left === 0) ready.splice(placeOf(ready, to), 0, to);
    }
  }
  return order;
}

/** Where a step belongs in a list that is sorted latest first. */
function placeOf(sorted: readonly number[], step: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? -1) > step) low = middle + 1;
    else high = middle;
  }
  return low;
}
