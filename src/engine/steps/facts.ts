/**
 * Facts of a step type, true in every run: what it needs, how its labels are read, what may be done to it.
 * Boundary: values and checks at publish; the behaviour is in contract.ts. Every type has a file `facts.ts`.
 */

import type { AddFault } from "../graph/faults.ts";
import type { EdgeDefinition, StepDefinition } from "../values/definition.ts";
import type { KeyTable } from "./keys.ts";
import type { OutcomeLabel } from "./outcomes.ts";
import type { ShownKind } from "./types.ts";

/** A step of a version, as its checks read it, with the function that reports faults. */
export interface CheckedStep {
  readonly index: number;
  readonly step: StepDefinition;
  /** The edges of a role that leave the step, with their indexes in the version. */
  leaving(
    role: "success" | "child",
  ): readonly { readonly index: number; readonly edge: EdgeDefinition }[];
  readonly addFault: AddFault;
}

/** A service that steps call, by the name of its variable in small letters (`agents`: AGENTS_URL). */
export type ServiceName =
  | "agents"
  | "approvals"
  | "governance"
  | "notifications"
  | "objectives"
  | "registry"
  | "skills";

/** The facts of one step type. */
export interface StepFacts {
  /** The keys of config. */
  readonly configKeys: KeyTable;
  /** Whether keys outside the table are the author's own parameters. */
  readonly takesParameters: boolean;
  /** Labels reserved for outcomes, without `timeout_action`, in the order in which a fault lists them. */
  readonly outcomes: readonly OutcomeLabel[];
  /** Labels with another meaning than an outcome. */
  readonly otherLabels: readonly string[];
  /** Other words that authors use for outcomes, lower case with `_`: refused as labels. */
  readonly usualWords: readonly string[];
  /**
   * How a label without an outcome is read: `text` of the author, `text_alone` where no edge of the step has an
   * outcome's label, a `value` that chooses the edge.
   */
  readonly freeLabels: "text" | "text_alone" | "value";
  /** The role of an edge without an outcome's label. */
  readonly plainRole: "success" | "child";
  /** Whether its output holds its input. */
  readonly passesInput: "always" | "sometimes" | "never";
  /** Whether it can end in the transition in which it begins. */
  readonly isInstant: boolean;
  /** Whether it may serve as a compensation step. */
  readonly canCompensate: boolean;
  /** Whether its outcome is a decision: only an admin may report it by TransitionStep. */
  readonly isDecision: boolean;
  /** What it is to people, unless its config says otherwise (shown-kind.ts). */
  readonly shownAs: ShownKind;
  /** Whether a person completes it with an output. */
  readonly isTask: boolean;
  /** Whether an agent acts in it; approvals and governance downstream name that agent. */
  readonly hasAgent: boolean;
  /** Whether its event patterns open a wait. */
  readonly waitsForEvents: boolean;
  /** Whether cancelling the run drops its unsent calls, even those of a step that ended. */
  readonly isDroppedOnCancel: boolean;
  /** Services that a step calls: of each list one is needed. Unset: it calls none. */
  servicesOf?(step: StepDefinition): readonly (readonly ServiceName[])[];
  /** Reports required fields that are unset; `path` is `steps[3]`. */
  checkNeeds(step: StepDefinition, path: string, addFault: AddFault): void;
  /** Reports values of config that contradict each other; `path` is `steps[3]`. */
  checkConfig?(step: StepDefinition, path: string, addFault: AddFault): void;
  /** Reports invalid combinations of the edges that leave the step. */
  checkEdges?(checked: CheckedStep): void;
}

/** The facts that most types share. */
export const PLAIN_FACTS = {
  takesParameters: false,
  otherLabels: [],
  freeLabels: "text",
  plainRole: "success",
  isInstant: false,
  canCompensate: true,
  isDecision: false,
  shownAs: "logic",
  isTask: false,
  hasAgent: false,
  waitsForEvents: false,
  isDroppedOnCancel: false,
} as const satisfies Partial<StepFacts>;
