/**
 * A run as readers see it, from its marks, rows and edges.
 * Boundary: pure. Only for replies of RPCs and for events, never for decisions.
 */
import type { Graph, GraphStep } from "../graph/graph.ts";
import type { JsonObject } from "./json.ts";
import type { Run, StepRun, StepState } from "./run.ts";

/** One step as a reader sees it; payloads only if requested. */
export interface StepView {
  readonly step: GraphStep;
  readonly state: StepState;
  /** Unset for steps that have not begun. */
  readonly row?: StepRun;
  readonly input?: JsonObject;
  readonly output?: JsonObject;
}

/** A run as a reader sees it; steps in the version's order, begun compensation steps after them in order of start. */
export interface RunView {
  readonly run: Run;
  readonly graph: Graph;
  readonly steps: readonly StepView[];
  /** Unset also when the run was started without an input. */
  readonly input?: JsonObject;
  /** Set once the run is COMPLETED. */
  readonly output?: JsonObject;
}
