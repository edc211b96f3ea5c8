/**
 * Defaults of most step types: ignore calls and owners, and apply TransitionStep directly.
 * Boundary: building blocks for the files beside it.
 */

import { failure, goBadly, succeed } from "../flow/ending.ts";
import type { StepReport } from "../values/input.ts";
import type { JsonObject } from "../values/json.ts";
import type { Reply } from "../values/reply.ts";
import type { StepTask } from "./contract.ts";

/** The type makes no calls, has no owner and no timer: it ignores every answer, report and event. */
export const PLAIN_BEHAVIOUR = {
  goOn(): void {},
  callReturned(): void {},
  ownerReported(): void {},
  governanceReported: (): Reply => ({ kind: "unchanged" }),
  eventArrived: (): Reply => ({ kind: "unchanged" }),
  woken(): void {},
  settled(): void {},
};

/** COMPLETED with the caller's output as the step's own; unset where the caller sent none. */
export function completeWithOwnOutput(task: StepTask, report: StepReport): void {
  succeed(task.draft, task.index, { output: report.output, extendsInput: false });
}

/** COMPLETED with the caller's output added to the input. */
export function completeTransparently(task: StepTask, report: StepReport): void {
  succeed(task.draft, task.index, { output: report.output ?? {}, extendsInput: true });
}

/** FAILED: the attempt failed, and the step may retry. */
export function failAttempt(task: StepTask, report: StepReport): void {
  const message = report.errorMessage === "" ? "failed by TransitionStep" : report.errorMessage;
  goBadly(task.draft, task.index, failure(message, true));
}

/** A text setting of the rendered config; "" when unset, JSON text for another value. */
export function textSetting(config: JsonObject, key: string): string {
  const value = Object.hasOwn(config, key) ? config[key] : undefined;
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
