/** HUMAN_TASK: waits for a person's TransitionStep. See contract.ts; ingress checks the output's schema. */
import { failure, goBadly } from "../../flow/ending.ts";
import { askedOf } from "../asked.ts";
import type { StepBehaviour } from "../contract.ts";
import { completeWithOwnOutput, failAttempt, PLAIN_BEHAVIOUR } from "../plain.ts";
import { renderConfig } from "../render-config.ts";

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
