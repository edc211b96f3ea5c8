/** HUMAN_TASK: waits for a person's TransitionStep. See contract.ts; ingress checks the output's schema. */
import type { StepKind } from "./contract.ts";
import { completeWithOwnOutput, failAttempt, hearsNothing } from "./plain.ts";

/** HUMAN_TASK. */
export const humanTask: StepKind = {
  ...hearsNothing,
  begin({ draft, index }) {
    draft.moveStep(index, "WAITING", { op: "waiting" });
  },
  completedByHand: completeWithOwnOutput,
  failedByHand: failAttempt,
  retriesTimeout: false,
};
