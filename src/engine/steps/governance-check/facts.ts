/** GOVERNANCE_CHECK: facts of the type. See steps/facts.ts. */
import { checkApprovals } from "../approvals/check.ts";
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { APPROVAL_KEYS } from "../keys.ts";
import { DECISION_WORDS, OF_DECISIONS, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const governanceCheckFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: APPROVAL_KEYS,
  outcomes: OF_DECISIONS,
  usualWords: [...DECISION_WORDS, ...TROUBLE_WORDS],
  passesInput: "always",
  isDecision: true,
  shownAs: "check",
  // A decision that asks for an approval is an answer of its engine: nobody knows before.
  servicesOf: () => [["governance"]],
  checkNeeds(step, path, addFault) {
    if (step.actionType === "") {
      addFault(`${path}.action_type`, "a GOVERNANCE_CHECK needs an action_type");
    }
  },
  checkConfig: checkApprovals,
};
