/** NOTIFICATION: facts of the type. See steps/facts.ts. */
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_EVERY_STEP, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const notificationFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: {
    ...EVERY_TYPES_KEYS,
    input: "object",
    recipient: "text",
    subject: "text",
    body: "text",
    priority: "priority",
    blocking: "flag",
  },
  outcomes: OF_EVERY_STEP,
  usualWords: TROUBLE_WORDS,
  passesInput: "always",
  isInstant: true,
  shownAs: "notify",
  isDroppedOnCancel: true,
  // What it does not wait for may fail.
  servicesOf: (step) => (step.config.blocking === true ? [["notifications"]] : []),
  checkNeeds(step, path, addFault) {
    if (step.notificationChannel === "" && step.notificationTemplate === "") {
      addFault(
        `${path}.notification_channel`,
        "a NOTIFICATION needs a notification_channel or a notification_template",
      );
    }
  },
};
