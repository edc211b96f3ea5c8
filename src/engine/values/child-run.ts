/**
 * Child runs as parent and child see each other: the parent's row of each child, and the child's report to its parent.
 * Boundary: values only. steps/child-runs/ and flow/compensate-children.ts act on them.
 */
import type { Json, JsonObject } from "./json.ts";

/** The deepest nesting of child runs; a run without a parent has depth 0. */
export const MAX_DEPTH = 8;
/** The most children of one `for_each`. */
export const MAX_CHILDREN = 10_000;

/** The most rounds of a `repeat_while`. */
export const MAX_ROUNDS = 1_000;

/** The step that started a run. */
export interface ParentStep {
  /** Index of the step in the parent's version. */
  readonly index: number;
  readonly attempt: number;
  /** Place among the children of the attempt, from 0. */
  readonly child: number;
  /** 1 for a child of a run without a parent. */
  readonly depth: number;
}

/**
 * States of a child as its parent knows it. `new`: not known to have started. `refused`: no run was started. `undoing`:
 * the parent requested its compensation. `stuck`: its compensation failed.
 */
export const CHILD_STATES = [
  "new",
  "open",
  "completed",
  "failed",
  "cancelled",
  "refused",
  "undoing",
  "undone",
  "stuck",
] as const;
/** A child's state. */
export type ChildState = (typeof CHILD_STATES)[number];

/** The `child` of the row that holds what all children of a `for_each`, or all rounds of a `repeat_while`, share. */
export const PLAN = -1;

/** A parent's row of a child; `child` is PLAN, or the place among the children of the attempt. */
export interface ChildRun {
  readonly step: number;
  readonly attempt: number;
  readonly child: number;
  readonly state: ChildState;
  /** "" until the run's id is known. */
  readonly runId: string;
  /** The item of a `for_each`; of a round the output of the one before; in the PLAN row, what all children share. */
  readonly input?: Json;
  readonly output?: JsonObject;
  /** The part of the child's cost that the step has counted. A late report counts when the child is compensated. */
  readonly costUsd: number;
  /** Place of the latest report in the child's history. A report with this place or an earlier one is a repeat. */
  readonly seq: number;
}

/** A child run ended, or its compensation ended. */
export interface ChildReport {
  readonly stepIndex: number;
  readonly attempt: number;
  readonly child: number;
  readonly runId: string;
  readonly seq: number;
  readonly state: "COMPLETED" | "FAILED" | "CANCELLED";
  /** Set when it COMPLETED, unless it is over the limits of a payload. */
  readonly output?: JsonObject;
  /** Why it did not complete, or why there is no output. */
  readonly errorMessage: string;
  /** The child's total so far. */
  readonly costUsd: number;
  /** Whether a compensation led to this report, and how it ended. */
  readonly undoing: "no" | "done" | "failed";
}

/** A place among the children of a step, ordered by attempt and child. */
export interface ChildPlace {
  readonly attempt: number;
  readonly child: number;
}

/**
 * Rows of children that are loaded together. `next`: the rows from a place on. `compensable`: the rows below a place that
 * may need compensation, last first; at least `least` of them must be loaded, if that many exist.
 */
export type ChildSet =
  | ({ readonly kind: "one"; readonly step: number } & ChildPlace)
  | { readonly kind: "open"; readonly step: number }
  | { readonly kind: "attempt"; readonly step: number; readonly attempt: number }
  | ({ readonly kind: "next"; readonly step: number; readonly limit: number } & ChildPlace)
  | ({
      readonly kind: "compensable";
      readonly step: number;
      readonly limit: number;
      readonly least: number;
    } & ChildPlace);

/** States in which a child may have effects to compensate. */
export const COMPENSABLE: readonly ChildState[] = [
  "open",
  "completed",
  "failed",
  "cancelled",
  "stuck",
];

/** Whether a child's row is one of the set, its limit apart. */
export function isInSet(row: ChildRun, set: ChildSet): boolean {
  if (row.step !== set.step || (row.child === PLAN && set.kind !== "one")) return false;
  switch (set.kind) {
    case "one":
      return row.attempt === set.attempt && row.child === set.child;
    case "open":
      return row.state === "open";
    case "attempt":
      return row.attempt === set.attempt;
    case "next":
      return row.attempt === set.attempt && row.child >= set.child;
    case "compensable":
      return COMPENSABLE.includes(row.state) && comparePlaces(row, set) < 0;
  }
}

/** Below 0 when the first place comes first. */
export function comparePlaces(one: ChildPlace, other: ChildPlace): number {
  return one.attempt - other.attempt || one.child - other.child;
}
