/** HUMAN_TASK: facts of the type. See steps/facts.ts. */
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { isUnset } from "../is-unset.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_EVERY_STEP, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const humanTaskFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: {
    ...EVERY_TYPES_KEYS,
    input: "object",
    instructions: "text",
    assignee: "text",
    output_schema: "object",
  },
  takesParameters: true,
  isTask: true,
  shownAs: "task",
  outcomes: OF_EVERY_STEP,
  usualWords: TROUBLE_WORDS,
  passesInput: "never",
  checkNeeds(step, path, addFault) {
    if (step.name === "" && isUnset(step, "instructions")) {
      addFault(`${path}.config.instructions`, "a HUMAN_TASK needs config.instructions or a name");
    }
  },
};
