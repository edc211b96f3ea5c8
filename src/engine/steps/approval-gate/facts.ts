/** APPROVAL_GATE: facts of the type. See steps/facts.ts. */
import { checkApprovals } from "../approvals/check.ts";
import { checkEditable } from "../approvals/edits.ts";
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { APPROVAL_KEYS } from "../keys.ts";
import { DECISION_WORDS, OF_DECISIONS, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const approvalGateFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: { ...APPROVAL_KEYS, editable: "fields" },
  outcomes: OF_DECISIONS,
  usualWords: [...DECISION_WORDS, ...TROUBLE_WORDS],
  freeLabels: "text_alone",
  passesInput: "always",
  isDecision: true,
  shownAs: "approval",
  servicesOf: () => [["approvals"]],
  checkNeeds(step, path, addFault) {
    if (step.actionType === "" && step.name === "") {
      addFault(`${path}.action_type`, "an APPROVAL_GATE needs an action_type or a name");
    }
  },
  checkConfig(step, path, addFault) {
    checkApprovals(step, path, addFault);
    checkEditable(step, path, addFault);
  },
};
