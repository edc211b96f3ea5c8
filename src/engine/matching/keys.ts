/**
 * Keys by which events find the waits and triggers that may want them, by equality in an index.
 *
 * Boundary: pure text. A key only narrows: who is found by it is still asked with its patterns.
 * Invariants:
 * 1. A part of a key is a literal text, or ANY for everything else: no pattern, a pattern with
 *    wildcards, a text too long for an index.
 * 2. What a pattern matches has the pattern's part among its own two, so a probe with every
 *    combination of an event's parts (four for type and subject, eight for a tap event) finds
 *    all who want it, however many others there are.
 * 3. Two different pairs may give one key, as `|` is not escaped: that costs a candidate, no match.
 */
import { trimLine } from "../cron.ts";
import type { TriggerDefinition } from "../definition.ts";
import type { BusEvent } from "../event.ts";
import { isLiteral, parsePattern } from "./pattern.ts";

const ANY = "~";

/** Longer literals stand as ANY on both sides: an index row of Postgres holds 2,704 bytes. */
const LITERAL_CHARS_AT_MOST = 255;

/**
 * The key of a wait: `<type>|<subject>`. Patterns are rendered or widened (see widenPattern); an
 * empty one takes every event.
 */
export function waitKeyOf(typePattern: string, subjectPattern: string): string {
  return `${partOfPattern(typePattern)}|${partOfPattern(subjectPattern)}`;
}

/** The four keys under which waits that may take an event of this type and subject are filed. */
export function eventKeysOf(type: string, subject: string): string[] {
  return combine([partsOfText(type), partsOfText(subject)]);
}

/**
 * A pattern with `{{ }}` as the widest pattern of all that it can be rendered to: from the token
 * with the first `{{` on it reads `>`. Without `{{` it is returned as it is.
 */
export function widenPattern(template: string): string {
  const at = template.indexOf("{{");
  if (at < 0) return template;
  const before = template.slice(0, at);
  const separator = Math.max(before.lastIndexOf("."), before.lastIndexOf("/"));
  return `${before.slice(0, separator + 1)}>`;
}

/**
 * The key of a trigger: `e|<type>|<subject>` of an EVENT, `w|<provider>|<entity type>|<action>` of
 * a WEBHOOK, `s|<cron line>` of a SCHEDULE; undefined for those that no event starts.
 */
export function triggerKeyOf(trigger: TriggerDefinition): string | undefined {
  switch (trigger.triggerType) {
    case "EVENT":
      return `e|${waitKeyOf(trigger.eventType, trigger.eventSubject)}`;
    case "WEBHOOK":
      return `w|${[trigger.tapProvider, trigger.tapEntityType, trigger.tapAction].map(partOfName).join("|")}`;
    case "SCHEDULE":
      return `s|${partOfName(trimLine(trigger.cronExpr))}`;
    case "MANUAL":
    case "WORKFLOW":
      return undefined;
  }
}

/**
 * The keys under which triggers that may want the event are filed: four for EVENT, eight more for
 * WEBHOOK when tap sent it; only those of `onlyTrigger` when that is set. A SCHEDULE's needs both `onlyTrigger` and a
 * cron line.
 */
export function triggerKeysOfEvent(event: BusEvent): string[] {
  const keys: string[] = [];
  const { onlyTrigger, tap, cronLine } = event;
  if (onlyTrigger === undefined || onlyTrigger === "EVENT") {
    keys.push(...eventKeysOf(event.type, event.subject).map((key) => `e|${key}`));
  }
  if (tap !== undefined && (onlyTrigger === undefined || onlyTrigger === "WEBHOOK")) {
    const parts = [tap.provider, tap.entityType, tap.action].map(partsOfText);
    keys.push(...combine(parts).map((key) => `w|${key}`));
  }
  if (onlyTrigger === "SCHEDULE" && cronLine !== undefined) keys.push(`s|${partOfName(cronLine)}`);
  return keys;
}

function partOfPattern(text: string): string {
  const parsed = parsePattern(text);
  return parsed.ok && isLiteral(parsed.pattern) ? partOfName(text) : ANY;
}

function partOfName(text: string): string {
  return text === "" || text.length > LITERAL_CHARS_AT_MOST ? ANY : text;
}

function partsOfText(text: string): string[] {
  const part = partOfName(text);
  return part === ANY ? [ANY] : [part, ANY];
}

function combine(parts: readonly (readonly string[])[]): string[] {
  return parts.reduce<string[]>(
    (keys, choices, at) =>
      keys.flatMap((key) => choices.map((choice) => (at === 0 ? choice : `${key}|${choice}`))),
    [""],
  );
}
