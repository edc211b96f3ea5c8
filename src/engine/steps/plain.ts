/**
 * What most step types share: nothing to hear from calls and owners, and the plain meaning of TransitionStep.
 * Boundary: building blocks for the files beside it.
 */

import { failure, goBadly, succeed } from "../ending.ts";
import type { StepReport } from "../input.ts";
import type { JsonObject } from "../json.ts";
import type { StepTask } from "./contract.ts";

/** The type makes no calls, has no owner and no timer of its own: whatever comes is not for it. */
export const hearsNothing = {
  callReturned(): void {},
  ownerReported(): void {},
  woken(): void {},
};

/** COMPLETED with the caller's output as the step's own; unset where the caller sent none. */
export function completeWithOwnOutput(task: StepTask, report: StepReport): void {
  succeed(task.draft, task.index, { output: report.output, extendsInput: false });
}

/** COMPLETED with the caller's output added to the input. */
export function completeTransparently(task: StepTask, report: StepReport): void {
  succeed(task.draft, task.index, { output: report.output ?? {}, extendsInput: true });
}

/** FAILED: a failed attempt, which retries may mend. */
export function failAttempt(task: StepTask, report: StepReport): void {
  const message = report.errorMessage === "" ? "failed by TransitionStep" : report.errorMessage;
  goBadly(task.draft, task.index, failure(message, true));
}

/** A text setting of the rendered config, "" when it is unset; another value counts as its JSON text. */
export function textSetting(config: JsonObject, key: string): string {
  const value = Object.hasOwn(config, key) ? config[key] : undefined;
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
