/**
 * Which links a run took and which are dead, from the states of its steps.
 * Boundary: pure. The service decides edges and says what became of steps; what follows from that is found here, and nothing is guessed:
 * where several links may have begun a step, no more is said of them than that.
 */
import { StepRunState, StepType } from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { GraphLink, GraphModel } from "./graph-model.ts";
import { groupBy } from "./group-by.ts";

/** `open`: it is not decided, or the states do not tell how. */
export type LinkState = "open" | "taken" | "dead";

/** What is known of one step. */
export interface StepFacts {
  readonly state: StepRunState;
  /** Its first attempt has begun. */
  readonly hasBegun: boolean;
}

/** An end of these takes some links and no others, whatever the links say. */
const CHOOSERS: ReadonlySet<StepType> = new Set([
  StepType.BRANCH,
  StepType.APPROVAL_GATE,
  StepType.GOVERNANCE_CHECK,
]);

/** The state of each link, by its id. Steps that are not in `steps` have not begun. */
export function linkStatesOf(
  { nodes, links }: GraphModel,
  steps: ReadonlyMap<string, StepFacts>,
): Map<string, LinkState> {
  const arriving = groupBy(links, ({ to }) => to);
  const leaving = groupBy(links, ({ from }) => from);
  const types = new Map(nodes.map(({ id, step }) => [id, step.stepType]));
  const states = new Map<string, LinkState>();
  for (const link of links) {
    const others = leaving.get(link.from) ?? [];
    const type = types.get(link.from) ?? StepType.UNSPECIFIED;
    const isPlain = !CHOOSERS.has(type) && others.every(isUnconditional);
    states.set(link.id, stateOf(link, type, isPlain, steps));
  }
  settle(states, arriving, leaving, (id) => types.get(id) === StepType.BRANCH, steps);
  return states;
}

/** What the two steps of a link tell. `isPlain`: a success of its source takes it. */
function stateOf(
  link: GraphLink,
  type: StepType,
  isPlain: boolean,
  steps: ReadonlyMap<string, StepFacts>,
): LinkState {
  const [from, to] = [steps.get(link.from), steps.get(link.to)];
  if (from === undefined) return "open";
  const isPassed = to?.state === StepRunState.CANCELLED && !to.hasBegun;
  if (to?.state === StepRunState.SKIPPED || isPassed) return "dead";
  // A PARALLEL begins its children before it ends, however it does.
  if (type === StepType.PARALLEL && to?.hasBegun) return "open";
  switch (from.state) {
    case StepRunState.SKIPPED:
    case StepRunState.CANCELLED:
      return "dead";
    case StepRunState.FAILED:
      // The label of the link that catches it may be any word: config.timeout_action names it.
      return link.labels.every((label) => label === "") ? "dead" : "open";
    case StepRunState.COMPLETED:
    case StepRunState.COMPENSATED:
      return isPlain ? "taken" : "open";
    default:
      return "open";
  }
}

/** Finds what follows from other links, until nothing more does. */
function settle(
  states: Map<string, LinkState>,
  arriving: ReadonlyMap<string, readonly GraphLink[]>,
  leaving: ReadonlyMap<string, readonly GraphLink[]>,
  isBranch: (id: string) => boolean,
  steps: ReadonlyMap<string, StepFacts>,
): void {
  const isStill =
    (state: LinkState) =>
    ({ id }: GraphLink) =>
      states.get(id) === state;
  for (let hasMore = true; hasMore; ) {
    hasMore = false;
    for (const [to, links] of arriving) {
      // What has begun was begun by a link.
      if (!steps.get(to)?.hasBegun || links.some(isStill("taken"))) continue;
      const [only, ...others] = links.filter(isStill("open"));
      if (only === undefined || others.length > 0) continue;
      states.set(only.id, "taken");
      hasMore = true;
    }
    for (const [from, links] of leaving) {
      // A BRANCH takes one link.
      if (!isBranch(from) || !links.some(isStill("taken"))) continue;
      for (const { id } of links.filter(isStill("open"))) {
        states.set(id, "dead");
        hasMore = true;
      }
    }
  }
}

function isUnconditional({ labels, isConditional }: GraphLink): boolean {
  return !isConditional && labels.every((label) => label === "");
}
