/** What a simulation is asked and what it gives. Boundary: plain values, which can be cloned and written as JSON. */
import type { Party } from "../steps/party.ts";
import type { JsonObject } from "../values/json.ts";
import type { RunFacts } from "../values/new-run.ts";
import type { RunState, StepState } from "../values/run.ts";
import type { Mocks } from "./mocks.ts";

/** How far a simulation goes; each limit ends it with what it found so far. */
export interface SimulationLimits {
  /** Attempts of all steps together. */
  readonly attempts: number;
  /** Inputs that are put into the run. */
  readonly inputs: number;
  /** Units of work (values/budget.ts): a million takes about 10 ms. */
  readonly units: number;
  /** Virtual time from the start, in ms. */
  readonly timeMs: number;
  /** Bytes of all payloads in the result; payloads after these are left out. */
  readonly payloadBytes: number;
}

/** What is played. */
export interface SimulationRequest {
  readonly input: JsonObject;
  readonly mocks: Mocks;
  /** Mocks of steps that have none in `mocks`, as far as they fit: what a run gave. */
  readonly found?: Mocks;
  /** When the run starts, in epoch ms. */
  readonly startMs: number;
  /** What expressions read as `run`. */
  readonly facts?: Partial<RunFacts>;
  readonly limits?: Partial<SimulationLimits>;
}

/** One attempt of a step. */
export interface SimulatedAttempt {
  readonly stepId: string;
  /** From 1. */
  readonly attempt: number;
  /** The step undoes another one. */
  readonly isUndo: boolean;
  /** Whom it waits for. */
  readonly party: Party;
  readonly startMs: number;
  /** Unset: it is open. */
  readonly endMs?: number;
  /** The state at its end, FAILED also where another attempt follows; else as it stands. */
  readonly state: StepState;
  /** How it ended, where that is no plain success: denied, expired, timeout, error. */
  readonly outcome: string;
  readonly input?: JsonObject;
  readonly output?: JsonObject;
  readonly errorMessage: string;
  readonly costUsd: number;
  /** Sentences: what was assumed because no mock said it. */
  readonly assumed: readonly string[];
}

/** One edge of the version. */
export interface SimulatedEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Its condition; "" without one. */
  readonly when: string;
  readonly state: "taken" | "dead" | "open";
  /** When it was decided. */
  readonly atMs?: number;
  /** A sentence; "" while it is open. */
  readonly why: string;
}

/** A step that is open at the end. */
export interface SimulatedWait {
  readonly stepId: string;
  readonly party: Party;
  readonly sinceMs: number;
  readonly sentence: string;
}

/** How a run ended, by the words of the search. */
export type SimulatedOutcome =
  | "SUCCEEDED"
  | "FAILED"
  | "TIMED_OUT"
  | "CANCELLED"
  | "COMPENSATED"
  | "COMPENSATION_FAILED";

/** See the file's head. */
export interface Simulation {
  /** `ended`: the run did; `waits`: nothing happens any more; `limit`: the simulation was cut off. */
  readonly end: "ended" | "waits" | "limit";
  /** Why it ended there. */
  readonly sentence: string;
  readonly state: RunState;
  /** Unset: the run has not ended. */
  readonly outcome?: SimulatedOutcome;
  readonly startMs: number;
  readonly endMs: number;
  /** Of a run that is COMPLETED. */
  readonly output?: JsonObject;
  readonly costUsd: number;
  /** In the order in which they began. */
  readonly path: readonly SimulatedAttempt[];
  /** The state of each step that undoes nothing, and of each undo that began. */
  readonly steps: readonly { readonly stepId: string; readonly state: StepState }[];
  /** In the order of the version. */
  readonly edges: readonly SimulatedEdge[];
  readonly waits: readonly SimulatedWait[];
  /** Sentences: expressions that could not be evaluated, events that passed no filter. */
  readonly problems: readonly string[];
  /** Steps whose mocks were never asked for. */
  readonly unusedMocks: readonly string[];
  /** Payloads that are left out of the path. */
  readonly payloadsLeftOut: number;
}
