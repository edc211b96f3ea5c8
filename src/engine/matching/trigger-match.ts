/**
 * Whether an event is what a trigger starts runs for, or what a wait waits for.
 *
 * Boundary: pure. The workspace, and which version listens, are the caller's business.
 * Invariant: an expression that fails does not match; the reason is returned, never thrown.
 */

import { type Expression, holds, type Scope } from "../expression/expression.ts";
import { trimLine } from "../values/cron.ts";
import type { TriggerDefinition } from "../values/definition.ts";
import type { BusEvent, TapFacts } from "../values/event.ts";
import type { ArrivedEvent } from "../values/input.ts";
import { attributesInScope } from "./event-scope.ts";
import { matchesPattern, parsePattern } from "./pattern.ts";

/** Whether the trigger matches; `problem` says why its filter could not be evaluated. */
export interface TriggerMatch {
  readonly matches: boolean;
  readonly problem?: string;
}

/**
 * Whether the event's type and subject (EVENT), tap facts (WEBHOOK) or cron line (SCHEDULE) are the
 * trigger's. Does not evaluate the filter: that costs more and needs the compiled version.
 */
export function fitsTrigger(trigger: TriggerDefinition, event: BusEvent): boolean {
  if (event.onlyTrigger !== undefined && event.onlyTrigger !== trigger.triggerType) return false;
  switch (trigger.triggerType) {
    case "EVENT":
      return fitsPatterns(trigger.eventType, trigger.eventSubject, event);
    case "WEBHOOK":
      return event.tap !== undefined && fitsTap(trigger, event.tap);
    case "SCHEDULE":
      return event.cronLine === trimLine(trigger.cronExpr);
    case "MANUAL":
    case "WORKFLOW":
      return false;
  }
}

/** Whether the trigger matches the event, its compiled `filter_expr` (if any) included. */
export function matchTrigger(
  trigger: TriggerDefinition,
  filter: Expression | undefined,
  event: BusEvent,
): TriggerMatch {
  if (!fitsTrigger(trigger, event)) return { matches: false };
  if (filter === undefined) return { matches: true };
  const { holds: matches, problem } = holds(filter, eventScope(event));
  return problem === undefined ? { matches } : { matches, problem };
}

/**
 * Whether the event's type and subject fit the rendered patterns of a wait. An empty pattern takes
 * everything, one that cannot be read takes nothing.
 */
export function fitsPatterns(
  typePattern: string,
  subjectPattern: string,
  event: { readonly type: string; readonly subject: string },
): boolean {
  return fitsPattern(typePattern, event.type) && fitsPattern(subjectPattern, event.subject);
}

/** What a filter sees of an event: its data's fields at top level, and `event`. */
function eventScope(event: ArrivedEvent): Scope {
  return { fields: event.data, event: attributesInScope(event) };
}

function fitsPattern(pattern: string, text: string): boolean {
  if (pattern === "") return true;
  const parsed = parsePattern(pattern);
  return parsed.ok && matchesPattern(parsed.pattern, text);
}

function fitsTap(trigger: TriggerDefinition, tap: TapFacts): boolean {
  return (
    isAnyOr(trigger.tapProvider, tap.provider) &&
    isAnyOr(trigger.tapEntityType, tap.entityType) &&
    isAnyOr(trigger.tapAction, tap.action)
  );
}

function isAnyOr(wanted: string, found: string): boolean {
  return wanted === "" || wanted === found;
}
