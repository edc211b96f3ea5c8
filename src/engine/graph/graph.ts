/**
 * A version compiled for running: indexes instead of ids, parsed expressions, resolved settings.
 * Boundary: built by compile.ts from a checked VersionSpec; immutable and shared by all runs of the version.
 */

import type { FilterEquality } from "../expression/equality.ts";
import type { Expression } from "../expression/expression.ts";
import type { Template } from "../expression/template.ts";
import type { StepKind, StepType } from "../steps/types.ts";
import type { StepDefinition, VersionSpec } from "../values/definition.ts";

/** Outcomes that a label can catch; "success" is every other edge. */
export type EdgeRole =
  | "success"
  | "approved"
  | "denied"
  | "expired"
  | "joined"
  | "timeout"
  | "error"
  | "timeout_action"
  | "child";

/** An edge by indexes. `role` says on which outcome it can be taken; `child` = a PARALLEL's edge to a child. */
export interface GraphEdge {
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly role: EdgeRole;
  readonly condition?: Expression;
}

/** What to do after an uncaught failure of a step (config.on_error). */
export type OnError = "stop" | "continue" | "fallback" | "compensate" | "hold";

/** Retry policy with the defaults filled in. */
export interface RetrySettings {
  readonly maxRetries: number;
  readonly backoffMs: number;
  readonly multiplier: number;
}

/** config.workflow: the child runs that a step starts. */
export interface ChildSettings {
  /** An object of `definition_id` or `name`, and `version` where it is given. */
  readonly target: Template;
  /** Unset: the step's input. */
  readonly input?: Template;
  /** Gives the list of which each item gets a child; unset: one child. */
  readonly forEach?: Template;
  /** As its author wrote it; "" when unset. */
  readonly forEachText: string;
  /** Over the output of a round: whether another one follows; unset: one child, or a list. */
  readonly repeatWhile?: Expression;
  readonly maxParallel: number;
  /** Children that must succeed; unset: all. */
  readonly required?: number;
}

/** A step with everything the engine asks of it. */
export interface GraphStep {
  readonly index: number;
  readonly def: StepDefinition;
  readonly type: StepType;
  /** Whose behaviour it has: its type, or an internal one. */
  readonly kind: StepKind;
  /** Edge indexes in version order. */
  readonly incoming: readonly number[];
  readonly outgoing: readonly number[];
  /** Only serves as another's compensation step. */
  readonly isCompensation: boolean;
  /** Index of the step that compensates this one, -1 when none. */
  readonly compensation: number;
  /** Index of the step that this one compensates, -1 when none. */
  readonly compensates: number;
  /** Index of the PARALLEL whose child this is, -1 when none. */
  readonly parallel: number;
  /** BRANCH: its condition_expr; the last name when the whole expression is a path, else "". */
  readonly condition?: Expression;
  readonly conditionName: string;
  /** config.input; reshapes the input. */
  readonly input?: Template;
  /** config.fallback_output; rendered with the step's input when on_error falls back on it. */
  readonly fallback?: Template;
  /** The strings of config that are rendered when the step starts (see isRenderedAtStart in config-keys.ts), as one object template. */
  readonly config: Template;
  readonly typePattern?: Template;
  readonly subjectPattern?: Template;
  /** WAIT_FOR_EVENT: config.filter_expr */
  readonly filter?: Expression;
  /** What the filter asks fields of the event to be; unset where it asks nothing, and in versions of 0.1.0. */
  readonly equality?: FilterEquality;
  readonly children?: ChildSettings;
  readonly retry: RetrySettings;
  /** Per attempt; 0 = none. */
  readonly timeoutMs: number;
  /** "" when unset, else the label or `continue`. */
  readonly timeoutAction: string;
  readonly onError: OnError;
  /** Steps that its expressions and templates read (indexes). */
  readonly reads: readonly number[];
  /** Whether they read the run's input. */
  readonly readsRunInput: boolean;
}

/** A compiled version. */
export interface Graph {
  readonly spec: VersionSpec;
  readonly steps: readonly GraphStep[];
  readonly edges: readonly GraphEdge[];
  readonly indexById: ReadonlyMap<string, number>;
  /** Steps without incoming edges that are no compensation steps. */
  readonly roots: readonly number[];
  /** All steps that have edges or are roots, every step after its predecessors. */
  readonly order: readonly number[];
  /** The run's deadline in ms from its start; 0 = none. */
  readonly timeoutMs: number;
  /** The trigger's filter_expr. */
  readonly triggerFilter?: Expression;
  /** Whether a text of a step or an edge may read `run.vars`: then the run of a start gets them. */
  readonly readsVars: boolean;
}

/** A fault of a version: path of the field and a sentence. */
export interface GraphFault {
  readonly field: string;
  readonly description: string;
}
