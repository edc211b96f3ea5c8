/** A simulation as what the graph of its version draws: states of steps and links. Boundary: pure. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type SimulatedAttempt,
  SimulatedEdgeState,
  type Simulation,
} from "../../../../../gen/workflows/ops/v1/simulations_pb.ts";
import { StepRunState } from "../../../../../gen/workflows/v1/workflows_pb.ts";
import type { LinkState } from "../../graph/edge-states.ts";
import { groupBy } from "../../graph/group-by.ts";
import type { NodeFacts } from "../../graph/node-facts.ts";

/** A path of a simulation as it is drawn. */
export const LINK_STATES: Readonly<Record<SimulatedEdgeState, LinkState>> = {
  [SimulatedEdgeState.UNSPECIFIED]: "open",
  [SimulatedEdgeState.TAKEN]: "taken",
  [SimulatedEdgeState.DEAD]: "dead",
  [SimulatedEdgeState.OPEN]: "open",
};

/** Steps that have not begun, and are not skipped, have no facts. Of several edges between two steps the one that was taken counts. */
export function graphFactsOf({ steps, edges, path, waits }: Simulation) {
  const attemptsOf = groupBy(path, ({ stepId }) => stepId);
  const waitOf = new Map(waits.map(({ stepId, sentence }) => [stepId, sentence]));
  const facts = new Map<string, NodeFacts>();
  for (const { stepId, state } of steps) {
    const attempts = attemptsOf.get(stepId) ?? [];
    if (attempts.length === 0 && state === StepRunState.PENDING) continue;
    facts.set(stepId, factsOf(state, attempts, waitOf.get(stepId) ?? ""));
  }
  const linkStates = new Map<string, LinkState>();
  for (const { fromStepId, toStepId, state } of edges) {
    const id = `${fromStepId} ${toStepId}`;
    const next = LINK_STATES[state] ?? "open";
    if (next === "taken" || !linkStates.has(id)) linkStates.set(id, next);
  }
  return { facts, linkStates };
}

function factsOf(
  state: StepRunState,
  attempts: readonly SimulatedAttempt[],
  sentence: string,
): NodeFacts {
  const last = attempts.at(-1);
  return {
    ...{ state, isHeld: false, isReused: false, attempts: attempts.length },
    costUsd: attempts.reduce((sum, { costUsd }) => sum + costUsd, 0),
    // A time that is open has no length on a virtual clock.
    startedAtMs: last?.startedAt && last.endedAt && timestampMs(last.startedAt),
    endedAtMs: last?.endedAt && timestampMs(last.endedAt),
    ...{ wait: "", sentence, children: undefined },
  };
}
