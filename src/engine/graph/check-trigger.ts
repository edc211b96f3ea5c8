/**
 * What starts runs of a version: patterns and filter of its trigger, or its cron line.
 * Boundary: forms only; whether a definition exists is not asked when a version is published.
 */
import { readCronLine } from "../cron.ts";
import type { TriggerDefinition } from "../definition.ts";
import { findSlip, parsePattern } from "../matching/pattern.ts";
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
  if (trigger.triggerType === "WORKFLOW" && trigger.filterExpr !== "") {
    addFault("trigger.filter_expr", "a WORKFLOW trigger has no event that could be filtered");
  }
  checkPattern(trigger.eventType, "trigger.event_type", addFault);
  checkPattern(trigger.eventSubject, "trigger.event_subject", addFault);
  readExpression(trigger.filterExpr, contexts.triggerFilter, "trigger.filter_expr", addFault);
  checkEventNames(trigger.filterExpr, "trigger.filter_expr", addFault);
}

function checkSchedule({ cronExpr, filterExpr }: TriggerDefinition, addFault: AddFault): void {
  const read = readCronLine(cronExpr);
  if (!read.ok) addFault("trigger.cron_expr", read.problem);
  if (filterExpr !== "") {
    addFault("trigger.filter_expr", "a SCHEDULE trigger has no event that could be filtered");
  }
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
