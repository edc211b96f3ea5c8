/**
 * Simulations ↔ messages of workflows.ops.v1.
 * Boundary: pure; the service and the command line print the same.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  SimulatedEdgeState,
  SimulationEnd,
  type SimulationSchema,
  type StepMock,
  type StepMockSchema,
} from "../../gen/workflows/ops/v1/simulations_pb.ts";
import {
  MOCK_DECISIONS,
  MOCK_OUTCOMES,
  type Mock,
  type Mocks,
} from "../engine/simulation/mocks.ts";
import type {
  SimulatedAttempt,
  SimulatedEdge,
  Simulation,
} from "../engine/simulation/simulation.ts";
import { RUN_STATE_NUMBERS, STEP_STATE_NUMBERS } from "./runs.ts";

const ENDS: Readonly<Record<Simulation["end"], SimulationEnd>> = {
  ended: SimulationEnd.ENDED,
  waits: SimulationEnd.WAITS,
  limit: SimulationEnd.LIMIT,
};
const EDGE_STATES: Readonly<Record<SimulatedEdge["state"], SimulatedEdgeState>> = {
  taken: SimulatedEdgeState.TAKEN,
  dead: SimulatedEdgeState.DEAD,
  open: SimulatedEdgeState.OPEN,
};

/** The engine's value of a mock; what is unset stays unset. */
export function mockOfMessage(message: StepMock): Mock {
  const { output, errorMessage, data, delaySeconds, costUsd, silent } = message;
  const outcome = MOCK_OUTCOMES[message.outcome - 1];
  const decision = MOCK_DECISIONS[message.decision - 1];
  return {
    ...(output === undefined ? {} : { output }),
    ...(errorMessage === "" ? {} : { error: errorMessage }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(decision === undefined ? {} : { decision }),
    ...(data === undefined ? {} : { data }),
    ...(delaySeconds === 0 ? {} : { delayMs: delaySeconds * 1_000 }),
    ...(costUsd === 0 ? {} : { costUsd }),
    ...(silent ? { silent } : {}),
  };
}

/** workflows.ops.v1.StepMock of mocks by step, those of one step in their order. */
export function toMockMessages(mocks: Mocks): MessageInitShape<typeof StepMockSchema>[] {
  return [...mocks].flatMap(([stepId, list]) =>
    list.map(({ error, outcome, decision, delayMs = 0, ...mock }) => ({
      ...{ ...mock, stepId, errorMessage: error ?? "", delaySeconds: delayMs / 1_000 },
      outcome: placeOf(MOCK_OUTCOMES, outcome) as StepMock["outcome"],
      decision: placeOf(MOCK_DECISIONS, decision) as StepMock["decision"],
    })),
  );
}

/** The number of a word in an enum whose values follow the list's order; 0: unset. */
function placeOf<Word>(words: readonly Word[], word: Word | undefined): number {
  return word === undefined ? 0 : words.indexOf(word) + 1;
}

/** workflows.ops.v1.Simulation */
export function toSimulationMessage(
  simulation: Simulation,
): MessageInitShape<typeof SimulationSchema> {
  const { sentence, outcome, output, startMs, endMs } = simulation;
  return {
    ...{ end: ENDS[simulation.end], sentence, state: RUN_STATE_NUMBERS[simulation.state] },
    outcome: outcome === undefined ? "" : `RUN_OUTCOME_${outcome}`,
    ...{ startedAt: timestampFromMs(startMs), endedAt: timestampFromMs(endMs) },
    ...(output === undefined ? {} : { output }),
    totalCostUsd: simulation.costUsd,
    path: simulation.path.map(toAttempt),
    steps: simulation.steps.map(({ stepId, state }) => ({
      ...{ stepId, state: STEP_STATE_NUMBERS[state] },
    })),
    edges: simulation.edges.map(toEdge),
    waits: simulation.waits.map(({ sinceMs, ...wait }) => ({
      ...{ ...wait, since: timestampFromMs(sinceMs) },
    })),
    problems: [...simulation.problems],
    unusedMockStepIds: [...simulation.unusedMocks],
    payloadsLeftOut: simulation.payloadsLeftOut,
  };
}

function toAttempt({ startMs, endMs, state, assumed, ...attempt }: SimulatedAttempt) {
  return {
    ...attempt,
    startedAt: timestampFromMs(startMs),
    ...(endMs === undefined ? {} : { endedAt: timestampFromMs(endMs) }),
    state: STEP_STATE_NUMBERS[state],
    assumed: [...assumed],
  };
}

function toEdge({ from, to, label, when, state, atMs, why }: SimulatedEdge) {
  return {
    ...{ fromStepId: from, toStepId: to, label, conditionExpr: when, state: EDGE_STATES[state] },
    ...(atMs === undefined ? {} : { at: timestampFromMs(atMs) }),
    reason: why,
  };
}
