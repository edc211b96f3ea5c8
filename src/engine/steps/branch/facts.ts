/** BRANCH: facts of the type, and rules for its edges. See steps/facts.ts. */

import { quoted } from "../../graph/faults.ts";
import type { EdgeDefinition, StepDefinition } from "../../values/definition.ts";
import { type CheckedStep, PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_EVERY_STEP } from "../outcomes.ts";

/** See the file's head. */
export const branchFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: EVERY_TYPES_KEYS,
  outcomes: OF_EVERY_STEP,
  otherLabels: ["default"],
  // Its labels are its own values.
  usualWords: [],
  freeLabels: "value",
  passesInput: "always",
  isInstant: true,
  canCompensate: false,
  // It needs edges, not fields.
  checkNeeds() {},
  checkEdges,
};

/** Reports a branch without a choice, with two fallbacks, or with a condition on a `default` edge. */
function checkEdges(checked: CheckedStep): void {
  const { step, index, leaving, addFault } = checked;
  const choices = leaving("success");
  if (choices.length === 0) {
    addFault(`steps[${index}]`, `the BRANCH ${quoted(step.id)} has no edge to choose`);
  }
  let first = -1;
  for (const { index: at, edge } of choices) {
    if (edge.label === "default" && edge.conditionExpr !== "") {
      addFault(`edges[${at}].condition_expr`, 'a "default" edge has no condition');
    }
    if (!isFallback(step, edge)) continue;
    if (first === -1) first = at;
    else {
      addFault(
        `edges[${at}]`,
        `is a second fallback of the BRANCH ${quoted(step.id)} besides edges[${first}]: ` +
          'one edge is labelled "default", or has neither a condition nor a label that chooses it',
      );
    }
  }
}

/** A branch without a value cannot choose by label, so every edge without condition is a fallback. */
function isFallback(branch: StepDefinition, edge: EdgeDefinition): boolean {
  if (edge.label === "default") return true;
  return edge.conditionExpr === "" && (edge.label === "" || branch.conditionExpr === "");
}
