/** PARALLEL: facts of the type, and rules for its edges. See steps/facts.ts. */
import { quoted } from "../../graph/faults.ts";
import { ownValue } from "../../values/json.ts";
import { type CheckedStep, PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_FORKS, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const parallelFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: { ...EVERY_TYPES_KEYS, required: "count", cancel_remaining: "flag" },
  outcomes: OF_FORKS,
  usualWords: ["join", "on_join", ...TROUBLE_WORDS],
  plainRole: "child",
  passesInput: "always",
  isInstant: true,
  canCompensate: false,
  // It needs edges, not fields.
  checkNeeds() {},
  checkEdges,
};

/** Reports a PARALLEL with no children or fewer than it requires, and children with other incoming edges. */
function checkEdges(checked: CheckedStep): void {
  const { step, index, leaving, addFault } = checked;
  const children = leaving("child");
  const required = ownValue(step.config, "required");
  if (children.length === 0) {
    addFault(`steps[${index}]`, `the PARALLEL ${quoted(step.id)} has no edge to a child`);
  } else if (Number.isInteger(required) && Number(required) > children.length) {
    const path = `steps[${index}].config.required`;
    addFault(path, `is ${required}, but only ${children.length} edges lead to a child`);
  }
}
