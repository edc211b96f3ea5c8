/** What is drawn on the node of a step besides its name. Boundary: values; times are in ms since 1970. */
import type { StepRunState } from "../../../../gen/workflows/v1/workflows_pb.ts";

/** Child runs of a step, by how they stand. */
export interface ChildCounts {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** There are more than were counted. */
  readonly isCut: boolean;
}

/** How a run stands at a step. */
export interface NodeFacts {
  readonly state: StepRunState;
  readonly isHeld: boolean;
  readonly isReused: boolean;
  /** Attempts that have begun. */
  readonly attempts: number;
  readonly costUsd: number;
  /** Of the last attempt. */
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** What it waits for, in a word or two; the sentence is the title of the node. */
  readonly wait: string;
  readonly sentence: string;
  readonly children: ChildCounts | undefined;
}

/** How a step or a link differs from that of another version. What is the same in both has none. */
export type Mark = "added" | "removed" | "changed";
