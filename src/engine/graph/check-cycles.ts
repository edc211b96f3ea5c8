/**
 * Cycles of a version, each named by its steps.
 * Boundary: edges only. Steps that reach one another make one tangle; of each tangle its shortest cycle through the
 * earliest step is named.
 * Invariant: no recursion, so the longest chain of steps does not overflow the stack.
 */
import type { VersionSpec } from "../values/definition.ts";
import type { AddFault } from "./faults.ts";
import type { Links } from "./links.ts";

const SHOWN_STEPS = 20;

/** Reports one cycle of every tangle of steps, as `a -> b -> a`. */
export function checkCycles(spec: VersionSpec, links: Links, addFault: AddFault): void {
  const successors = links.outgoing.map((edges) =>
    edges.map((edge) => links.edges[edge]?.to ?? -1),
  );
  const tangles = tanglesOf(successors);
  for (const [index, tangle] of tangles.entries()) {
    // A tangle is found at its earliest step.
    if (tangle === -1 || tangles.indexOf(tangle) !== index) continue;
    const cycle = shortestCycle(successors, tangles, index);
    if (cycle.length === 0) continue;
    const ids = [...cycle, index].map((step) => spec.steps[step]?.id ?? "");
    addFault("edges", `the edges make a cycle: ${shown(ids)}`);
  }
}

function shown(ids: readonly string[]): string {
  if (ids.length <= SHOWN_STEPS) return ids.join(" -> ");
  const left = `… ${ids.length - SHOWN_STEPS} more …`;
  return [...ids.slice(0, SHOWN_STEPS - 2), left, ...ids.slice(-2)].join(" -> ");
}

interface Visit {
  readonly step: number;
  next: number;
}

/** By step the number of the tangle it belongs to, -1 for steps on no cycle (Tarjan's components of two and more). */
function tanglesOf(successors: readonly (readonly number[])[]): number[] {
  const order: number[] = successors.map(() => -1);
  const lowest: number[] = successors.map(() => -1);
  const tangles: number[] = successors.map(() => -1);
  const isOpen: boolean[] = successors.map(() => false);
  const open: number[] = [];
  const path: Visit[] = [];
  let visited = 0;
  const enter = (step: number): void => {
    order[step] = visited;
    lowest[step] = visited;
    visited += 1;
    isOpen[step] = true;
    open.push(step);
    path.push({ step, next: 0 });
  };
  const lower = (step: number, to: number): void => {
    lowest[step] = Math.min(lowest[step] ?? to, to);
  };
  const leave = (step: number): void => {
    path.pop();
    const parent = path.at(-1);
    if (parent !== undefined) lower(parent.step, lowest[step] ?? 0);
    if (lowest[step] !== order[step]) return;
    const members = open.splice(open.lastIndexOf(step));
    for (const member of members) {
      isOpen[member] = false;
      if (members.length > 1) tangles[member] = step;
    }
  };
  for (const start of successors.keys()) {
    if (order[start] === -1) enter(start);
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const to = successors[visit.step]?.[visit.next];
      visit.next += 1;
      if (to === undefined) leave(visit.step);
      else if (order[to] === -1) enter(to);
      else if (isOpen[to]) lower(visit.step, order[to] ?? 0);
    }
  }
  return tangles;
}

/** The steps of a shortest way from `start` back to it within its tangle, `start` first. */
function shortestCycle(
  successors: readonly (readonly number[])[],
  tangles: readonly number[],
  start: number,
): number[] {
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const step of queue) {
    for (const to of successors[step] ?? []) {
      if (to === start) return wayTo(step, cameFrom);
      if (tangles[to] !== tangles[start] || cameFrom.has(to)) continue;
      cameFrom.set(to, step);
      queue.push(to);
    }
  }
  return [];
}

function wayTo(step: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const way = [step];
  for (let at = cameFrom.get(step); at !== undefined; at = cameFrom.get(at)) way.push(at);
  return way.reverse();
}
