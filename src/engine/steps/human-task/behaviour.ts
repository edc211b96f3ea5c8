/** HUMAN_TASK: waits for a person's TransitionStep. See contract.ts; ingress checks the output's schema. */
import { failure, goBadly } from "../../flow/ending.ts";
import { type JsonObject, ownValue } from "../../values/json.ts";
import type { StepDetail } from "../../values/step-detail.ts";
import type { StepBehaviour } from "../contract.ts";
import { completeWithOwnOutput, failAttempt, PLAIN_BEHAVIOUR, textSetting } from "../plain.ts";
import { renderConfig } from "../render-config.ts";

/** Stored with the row: rendered, a payload may be in them. */
const INSTRUCTIONS_CHARS = 4_000;

/** HUMAN_TASK. */
export const humanTask: StepBehaviour = {
  ...PLAIN_BEHAVIOUR,
  begin({ draft, index }, input) {
    const config = renderConfig(draft, index, input);
    if (!config.ok) {
      goBadly(draft, index, failure(config.problem, true));
      return;
    }
    const asked = askedOf(config.value, draft.step(index).def.config ?? {});
    if (asked !== undefined) {
      const row = draft.rows.row(index);
      row.detail = { ...row.detail, asked };
    }
    draft.moveStep(index, "WAITING", { op: "waiting" });
  },
  completedByHand: completeWithOwnOutput,
  failedByHand: failAttempt,
  retriesTimeout: false,
};

/** What readers cannot take from the version: the person, and instructions that were rendered. */
function askedOf(config: JsonObject, written: JsonObject): StepDetail["asked"] {
  const assignee = textSetting(config, "assignee");
  const instructions = textSetting(config, "instructions");
  const isRendered = instructions !== ownValue(written, "instructions") && instructions !== "";
  if (assignee === "" && !isRendered) return undefined;
  return {
    ...(assignee === "" ? {} : { assignee }),
    ...(isRendered ? { instructions: shorten(instructions) } : {}),
  };
}

// The cut may split a surrogate pair.
function shorten(text: string): string {
  if (text.length <= INSTRUCTIONS_CHARS) return text;
  return `${text.slice(0, INSTRUCTIONS_CHARS - 1).toWellFormed()}…`;
}
