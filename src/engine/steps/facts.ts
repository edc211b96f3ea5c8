/**
 * What is true of every step of one type, whatever its run: what it needs, how its labels are read, what may be done to it.
 * Boundary: values and checks at publish; what a step does is its behaviour (contract.ts). Every type has a file `facts.ts`.
 */

import type { AddFault } from "../graph/faults.ts";
import type { EdgeDefinition, StepDefinition } from "../values/definition.ts";
import type { KeyTable } from "./keys.ts";
import type { OutcomeLabel } from "./outcomes.ts";

/** A step of a version, with what its checks read and report to. */
export interface CheckedStep {
  readonly index: number;
  readonly step: StepDefinition;
  /** The edges of a role that leave it, with their indexes in the version. */
  leaving(
    role: "success" | "child",
  ): readonly { readonly index: number; readonly edge: EdgeDefinition }[];
  readonly addFault: AddFault;
}

/** The facts of one step type. */
export interface StepFacts {
  /** The keys of config. */
  readonly configKeys: KeyTable;
  /** Keys of config that the contract has and this release does not run yet: refused at publish. */
  readonly keysNotYet: readonly string[];
  /** Whether keys that the table has not are the author's own parameters. */
  readonly takesParameters: boolean;
  /** Labels that are reserved for outcomes, `timeout_action` apart, in the order in which a fault names them. */
  readonly outcomes: readonly OutcomeLabel[];
  /** Labels with a meaning of their own besides the outcomes. */
  readonly otherLabels: readonly string[];
  /** Other words for outcomes that authors are used to, lower case with `_`: refused as labels. */
  readonly usualWords: readonly string[];
  /**
   * What a label is that is no outcome's: `text` of the author, `text_alone` where no edge of the step has an outcome's
   * label, a `value` that chooses the edge.
   */
  readonly freeLabels: "text" | "text_alone" | "value";
  /** The role of an edge without an outcome's label. */
  readonly plainRole: "success" | "child";
  /** Whether its output holds its input. */
  readonly passesInput: "always" | "sometimes" | "never";
  /** Whether it can end in the transition it begins in. */
  readonly isInstant: boolean;
  /** Whether it may undo another step. */
  readonly canCompensate: boolean;
  /** Whether its outcome is a decision, which only an admin may hand in by TransitionStep. */
  readonly isDecision: boolean;
  /** Whether an agent acts in it, which approvals and governance downstream are asked about. */
  readonly hasAgent: boolean;
  /** Whether its event patterns open a wait. */
  readonly waitsForEvents: boolean;
  /** Whether its calls that are not made yet are dropped when the run is cancelled, even of a step that ended. */
  readonly isDroppedOnCancel: boolean;
  /** Reports fields that the type needs and are unset; `path` is `steps[3]`. */
  checkNeeds(step: StepDefinition, path: string, addFault: AddFault): void;
  /** Reports values of config that do not go together; `path` is `steps[3]`. */
  checkConfig?(step: StepDefinition, path: string, addFault: AddFault): void;
  /** Reports edges that leave the step and do not go together. */
  checkEdges?(checked: CheckedStep): void;
}

/** What most types have in common. */
export const PLAIN_FACTS = {
  keysNotYet: [],
  takesParameters: false,
  otherLabels: [],
  freeLabels: "text",
  plainRole: "success",
  isInstant: false,
  canCompensate: true,
  isDecision: false,
  hasAgent: false,
  waitsForEvents: false,
  isDroppedOnCancel: false,
} as const satisfies Partial<StepFacts>;
