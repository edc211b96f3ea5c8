/** WAIT_FOR_EVENT: facts of the type. See steps/facts.ts. */

import type { AddFault } from "../../graph/faults.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { PLAIN_FACTS, type StepFacts } from "../facts.ts";
import { isUnset } from "../is-unset.ts";
import { EVERY_TYPES_KEYS } from "../keys.ts";
import { OF_EVERY_STEP, TROUBLE_WORDS } from "../outcomes.ts";

/** See the file's head. */
export const waitForEventFacts: StepFacts = {
  ...PLAIN_FACTS,
  configKeys: {
    ...EVERY_TYPES_KEYS,
    filter_expr: "expression",
    lookback_seconds: "seconds",
    delay_seconds: "seconds",
    until: "time",
  },
  outcomes: OF_EVERY_STEP,
  usualWords: TROUBLE_WORDS,
  // A timer's output is its input, an event's is the event's data.
  passesInput: "sometimes",
  canCompensate: false,
  waitsForEvents: true,
  shownAs: "wait",
  checkNeeds,
};

function checkNeeds(step: StepDefinition, path: string, addFault: AddFault): void {
  const byEvent = step.eventTypePattern !== "" || step.eventSubjectPattern !== "";
  const times = ["delay_seconds", "until"].filter((key) => !isUnset(step, key));
  if (!byEvent && times.length === 0) {
    addFault(
      `${path}.event_type_pattern`,
      "a WAIT_FOR_EVENT needs an event_type_pattern or event_subject_pattern, or config.delay_seconds or config.until",
    );
  }
  if (times.length === 2) {
    addFault(`${path}.config.until`, "a wait has config.delay_seconds or config.until, not both");
  }
  if (byEvent && times[0] !== undefined) {
    addFault(
      `${path}.config.${times[0]}`,
      "a step waits for an event or for a time, not both: timeout_seconds limits a wait for an event",
    );
  }
  for (const key of byEvent ? [] : ["filter_expr", "lookback_seconds"]) {
    if (!isUnset(step, key)) addFault(`${path}.config.${key}`, "only a wait for an event has it");
  }
}
