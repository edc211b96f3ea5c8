/**
 * What a reader sees of a run: marks, rows and edges put together again.
 * Boundary: pure; used for answers of RPCs and for events, never for deciding.
 */
import type { Graph, GraphStep } from "../graph/graph.ts";
import type { JsonObject } from "./json.ts";
import type { Run, StepRun, StepState } from "./run.ts";

/** One step as a reader sees it; payloads only where they were asked for. */
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
  /** Unset where the run was started without one, too. */
  readonly input?: JsonObject;
  /** Set once the run is COMPLETED. */
  readonly output?: JsonObject;
}
