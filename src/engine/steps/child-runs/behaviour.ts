/**
 * AGENT_ACTION with config.workflow: runs other workflows as child runs and ends with them.
 * Boundary: see contract.ts. start.ts starts the children, ends.ts and compensated.ts apply what they report.
 */
import { releaseAttempt } from "../../flow/release.ts";
import { agentAction } from "../agent-action/behaviour.ts";
import type { StepBehaviour, StepTask } from "../contract.ts";
import { completeWithOwnOutput, failAttempt } from "../plain.ts";
import { compensationReturned } from "./compensated.ts";
import { startReturned } from "./ends.ts";
import { beginChildren, startNextChildren } from "./start.ts";

/** An AGENT_ACTION with config.workflow. */
export const childRuns: StepBehaviour = {
  ...agentAction,
  begin: beginChildren,
  goOn: ({ draft, index }) => startNextChildren(draft, index),
  unawaitedReturned({ draft }, returned) {
    if (returned.call === "start_run") return startReturned(draft, returned);
    return returned.call === "compensate_run" ? compensationReturned(draft, returned) : undefined;
  },
  completedByHand(task, report) {
    releaseChildren(task);
    completeWithOwnOutput(task, report);
  },
  failedByHand(task, report) {
    releaseChildren(task);
    failAttempt(task, report);
  },
};

/** A step that ended by hand cancels its children. */
function releaseChildren({ draft, index }: StepTask): void {
  releaseAttempt(draft, index, "the step was ended by hand");
}
