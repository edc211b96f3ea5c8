/**
 * Child runs as the two sides know of each other: the parent's row of each child, and the child's word to its parent.
 * Boundary: values only; what they lead to stands in steps/child-runs/ and flow/undo-children.ts.
 */
import type { Json, JsonObject } from "./json.ts";

/** Child runs nest at most so deep: a first run has depth 0. */
export const MAX_DEPTH = 8;
/** Children of one `for_each`. */
export const MAX_CHILDREN = 10_000;

/** The step that started a run. */
export interface ParentStep {
  /** Index of the step in the parent's version. */
  readonly index: number;
  readonly attempt: number;
  /** Place among the children of the attempt, from 0. */
  readonly child: number;
  /** 1 for a child of a first run. */
  readonly depth: number;
}

/**
 * States of a child as its parent knows it. `new`: not known to have started; `refused`: there is no run; `undoing`: asked
 * to compensate; `stuck`: its compensation failed.
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

/** In place of a child: what the children of a `for_each` have in common. */
export const PLAN = -1;

/** A parent's row of a child; `child` is PLAN, or the place among the children of the attempt. */
export interface ChildRun {
  readonly step: number;
  readonly attempt: number;
  readonly child: number;
  readonly state: ChildState;
  /** "" until it is known. */
  readonly runId: string;
  /** The item of a `for_each`; of the PLAN, the whole of it. */
  readonly input?: Json;
  readonly output?: JsonObject;
  /** What counts so far of what the child told: a late word counts when the child is undone. */
  readonly costUsd: number;
  /** Place in the child's history of what it told last; an older word is a repeat. */
  readonly seq: number;
}

/** A child run ended, or its compensation did. */
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
  /** Whether it comes out of a compensation, and how that ended. */
  readonly undoing: "no" | "done" | "failed";
}

/** A place among the children of a step, ordered by attempt and child. */
export interface ChildPlace {
  readonly attempt: number;
  readonly child: number;
}

/**
 * Rows of children that are loaded together. `next`: those from a place on. `undoable`: those below a place that may have
 * to be undone, last first; so many as `least` says must be known, if there are so many.
 */
export type ChildSet =
  | ({ readonly kind: "one"; readonly step: number } & ChildPlace)
  | { readonly kind: "open"; readonly step: number }
  | { readonly kind: "attempt"; readonly step: number; readonly attempt: number }
  | ({ readonly kind: "next"; readonly step: number; readonly limit: number } & ChildPlace)
  | ({
      readonly kind: "undoable";
      readonly step: number;
      readonly limit: number;
      readonly least: number;
    } & ChildPlace);

/** States in which a child may have done what has to be undone. */
export const UNDOABLE: readonly ChildState[] = [
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
    case "undoable":
      return UNDOABLE.includes(row.state) && comparePlaces(row, set) < 0;
  }
}

/** Below 0 when the first place comes first. */
export function comparePlaces(one: ChildPlace, other: ChildPlace): number {
  return one.attempt - other.attempt || one.child - other.child;
}
