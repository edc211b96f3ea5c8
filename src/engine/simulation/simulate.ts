/**
 * Plays a version with the real engine on a virtual clock, from mocks: what would happen, and why.
 * Boundary: the door of the folder; pure, so it runs in a browser, on the command line and in the service alike.
 */
import { compileGraph } from "../graph/compile.ts";
import type { GraphFault } from "../graph/graph.ts";
import { allPieces } from "../graph/parse-texts.ts";
import type { VersionSpec } from "../values/definition.ts";
import { payloadProblem } from "../values/limits.ts";
import { checkMocks, withFound } from "./mocks.ts";
import { simulateInPieces } from "./player.ts";
import type { Simulation, SimulationRequest } from "./simulation.ts";

/** What came of it; with faults nothing was played. */
interface Simulated {
  readonly simulation?: Simulation;
  /** Of the request, by `input` and `mocks.<step>`. */
  readonly faults: readonly GraphFault[];
}

/** Simulates a version that checkVersion takes. Ends within SIMULATION_LIMITS. */
export function simulate(spec: VersionSpec, request: SimulationRequest): Simulated {
  const graph = compileGraph(spec);
  const faults = checkMocks(graph, request.mocks);
  const tooLarge = payloadProblem("the input", request.input);
  if (tooLarge !== undefined) faults.unshift({ field: "input", description: tooLarge });
  if (faults.length > 0) return { faults };
  const mocks = withFound(graph, request.mocks, request.found ?? new Map());
  return { simulation: allPieces(simulateInPieces(graph, { ...request, mocks })), faults: [] };
}
