/**
 * What starts runs of a version: patterns and filter of its trigger, or its cron line.
 * Boundary: forms only. Publish does not check whether a definition exists.
 */

import { findSlip, parsePattern } from "../matching/pattern.ts";
import { readCronLine } from "../values/cron.ts";
import type { TriggerDefinition, TriggerType } from "../values/definition.ts";
import { checkEventNames } from "./check-event-names.ts";
import type { AddFault } from "./faults.ts";
import { readExpression, type TextContexts } from "./step-texts.ts";

/** Reports what is wrong with a trigger. */
export function checkTrigger(
  trigger: TriggerDefinition,
  contexts: TextContexts,
  addFault: AddFault,
): void {
  if (trigger.triggerType === "EVENT" && trigger.eventType === "" && trigger.eventSubject === "") {
    addFault("trigger.event_type", "an EVENT trigger needs an event_type or an event_subject");
  }
  if (trigger.triggerType === "SCHEDULE") checkSchedule(trigger, addFault);
  if (trigger.triggerType === "WEBHOOK") checkTap(trigger, addFault);
  checkFields(trigger, addFault);
  checkPattern(trigger.eventType, "trigger.event_type", addFault);
  checkPattern(trigger.eventSubject, "trigger.event_subject", addFault);
  readExpression(trigger.filterExpr, contexts.triggerFilter, "trigger.filter_expr", addFault);
  checkEventNames(trigger.filterExpr, "trigger.filter_expr", addFault);
}

/** What a trigger may read. */
export type TriggerField = Exclude<keyof TriggerDefinition, "triggerType" | "written">;

/** The names of a trigger's fields in requests and faults. */
export const TRIGGER_WIRE_NAMES: Readonly<Record<TriggerField, string>> = {
  eventType: "event_type",
  eventSubject: "event_subject",
  tapProvider: "tap_provider",
  tapEntityType: "tap_entity_type",
  tapAction: "tap_action",
  cronExpr: "cron_expr",
  parentWorkflowId: "parent_workflow_id",
  filterExpr: "filter_expr",
};

/** What a trigger of each type reads; it would do nothing with the other fields. */
const fieldsOf: Readonly<Record<TriggerType, readonly TriggerField[]>> = {
  EVENT: ["eventType", "eventSubject", "filterExpr"],
  SCHEDULE: ["cronExpr"],
  MANUAL: [],
  WEBHOOK: ["tapProvider", "tapEntityType", "tapAction", "filterExpr"],
  WORKFLOW: ["parentWorkflowId"],
};

function checkFields(trigger: TriggerDefinition, addFault: AddFault): void {
  const type = trigger.triggerType;
  const taken: readonly string[] = fieldsOf[type];
  for (const [field, name] of Object.entries(TRIGGER_WIRE_NAMES)) {
    if (taken.includes(field) || ownText(trigger, field) === "") continue;
    addFault(`trigger.${name}`, fieldProblem(type, name));
  }
}

function ownText(trigger: TriggerDefinition, field: string): string {
  const found = Object.entries(trigger).find(([key]) => key === field);
  return found?.[1] ?? "";
}

function fieldProblem(type: TriggerType, name: string): string {
  if (name === "filter_expr") return `a ${type} trigger has no event that could be filtered`;
  const names = fieldsOf[type].map((field) => TRIGGER_WIRE_NAMES[field]);
  const own = names.length === 0 ? "it has no fields" : `its fields are ${names.join(", ")}`;
  return `a ${type} trigger does not read ${name}: ${own}`;
}

function checkSchedule({ cronExpr }: TriggerDefinition, addFault: AddFault): void {
  const read = readCronLine(cronExpr);
  if (!read.ok) addFault("trigger.cron_expr", read.problem);
}

function checkPattern(text: string, field: string, addFault: AddFault): void {
  if (text === "") return;
  if (text.includes("{{")) {
    addFault(field, "cannot hold {{ }}: there is no run yet whose values could be put in");
    return;
  }
  const parsed = parsePattern(text);
  const problem = parsed.ok ? findSlip(text) : parsed.problem;
  if (problem !== undefined) addFault(field, problem);
}

/** Tap facts are compared as they are: a wildcard among them would fit nothing. */
function checkTap(trigger: TriggerDefinition, addFault: AddFault): void {
  const facts = [
    ["tap_provider", trigger.tapProvider],
    ["tap_entity_type", trigger.tapEntityType],
    ["tap_action", trigger.tapAction],
  ] as const;
  for (const [name, text] of facts) {
    if (/[*>]|\{\{/.test(text)) {
      addFault(`trigger.${name}`, "is compared as it is: it has no wildcards; empty means any");
    } else if (text.trim() !== text) {
      addFault(`trigger.${name}`, "begins or ends with a blank");
    }
  }
}
