/**
 * Keys by which events find the waits and triggers that may want them, by equality in an index.
 *
 * Boundary: pure text. A key only narrows: the patterns of each candidate still decide.
 * Invariants:
 * 1. A part of a key is a literal text, for a pattern with wildcards what stands before the first
 *    of them followed by ANY, or ANY alone: no pattern, nothing before the wildcard, a text too long
 *    for an index.
 * 2. What a pattern matches has the pattern's part among its own: the text, its beginnings of up to
 *    BEGINNINGS_AT_MOST tokens, ANY. So a probe with every combination of an event's parts, two
 *    beginnings apart, finds all who want it, however many others there are that begin otherwise.
 * 3. A key is filed with the separators that its author wrote, as 0.1.0 reads it, and probed with dots (withDots): the
 *    lookup compares it with dots too. So rows of both releases are found by both.
 * 4. Two different pairs may give one key, as `|` and `~` are not escaped: that costs a candidate, no
 *    match.
 */
import { trimLine } from "../values/cron.ts";
import type { TriggerDefinition } from "../values/definition.ts";
import type { BusEvent } from "../values/event.ts";
import { parsePattern, partsOf, withDots } from "./pattern.ts";

const ANY = "~";

/** Longer literals become ANY on both sides: an index row of Postgres holds 2,704 bytes. */
const LITERAL_CHARS_AT_MOST = 255;

/** A text of many tokens costs no more probes than one of this many and one. */
const BEGINNINGS_AT_MOST = 4;

/** A part of a key; `cut`: it is the beginning of a text. */
interface Part {
  readonly text: string;
  readonly cut: boolean;
}

const WHOLE_RANGE: Part = { text: ANY, cut: false };

/**
 * The key of a wait: `<type>|<subject>`. Patterns are rendered or widened (see widenPattern); an
 * empty one takes every event. Of two beginnings the longer stands, so that fewer pairs are probed.
 */
export function waitKeyOf(typePattern: string, subjectPattern: string): string {
  const type = partOfPattern(typePattern);
  const subject = partOfPattern(subjectPattern);
  if (!type.cut || !subject.cut) return `${type.text}|${subject.text}`;
  const typeIsLonger = type.text.length >= subject.text.length;
  return typeIsLonger ? `${type.text}|${ANY}` : `${ANY}|${subject.text}`;
}

/**
 * The keys, with dots, under which waits that may take an event of this type and subject are filed, 20 at most.
 */
export function eventKeysOf(type: string, subject: string): string[] {
  const subjects = partsOfPatterned(withDots(subject));
  const keys = partsOfPatterned(withDots(type)).flatMap((one) =>
    subjects.flatMap((other) => (one.cut && other.cut ? [] : [`${one.text}|${other.text}`])),
  );
  return [...new Set(keys)];
}

/**
 * What the keys of eventKeysOf begin with for events of this type: a key whose text before its first `|` is none of these is none of
 * theirs.
 */
export function keyBeginningsOf(type: string): string[] {
  return partsOfPatterned(withDots(type)).map(({ text }) => beginningOfKey(text));
}

/** What stands before the first `|`. */
export function beginningOfKey(key: string): string {
  const bar = key.indexOf("|");
  return bar < 0 ? key : key.slice(0, bar);
}

const known = new WeakMap<BusEvent, readonly string[]>();

/** As eventKeysOf, made once for an event: routing asks several times. */
export function keysOfEvent(event: BusEvent): readonly string[] {
  const keys = known.get(event) ?? eventKeysOf(event.type, event.subject);
  known.set(event, keys);
  return keys;
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

/** What the key of an EVENT trigger has before the key of a wait for the same events. */
export const EVENT_TRIGGER = "e|";

/**
 * The key of a trigger: `e|<type>|<subject>` of an EVENT, `w|<provider>|<entity type>|<action>` of
 * a WEBHOOK, `s|<cron line>` of a SCHEDULE; undefined for those that no event starts.
 */
export function triggerKeyOf(trigger: TriggerDefinition): string | undefined {
  switch (trigger.triggerType) {
    case "EVENT":
      return `${EVENT_TRIGGER}${waitKeyOf(trigger.eventType, trigger.eventSubject)}`;
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
 * The keys, with dots, under which triggers that may want the event are filed: those of eventKeysOf for EVENT, eight more for WEBHOOK
 * when tap sent it; only those of `onlyTrigger` when that is set. A SCHEDULE's needs both `onlyTrigger` and a cron line.
 */
export function triggerKeysOfEvent(event: BusEvent): string[] {
  const keys: string[] = [];
  const { onlyTrigger, tap, cronLine } = event;
  if (onlyTrigger === undefined || onlyTrigger === "EVENT") {
    keys.push(...keysOfEvent(event).map((key) => `${EVENT_TRIGGER}${key}`));
  }
  if (tap !== undefined && (onlyTrigger === undefined || onlyTrigger === "WEBHOOK")) {
    const parts = [tap.provider, tap.entityType, tap.action].map(partsOfText);
    keys.push(...combine(parts).map((key) => withDots(`w|${key}`)));
  }
  if (onlyTrigger === "SCHEDULE" && cronLine !== undefined) {
    keys.push(withDots(`s|${partOfName(cronLine)}`));
  }
  return keys;
}

function partOfPattern(text: string): Part {
  const parsed = parsePattern(text);
  if (!parsed.ok) return WHOLE_RANGE;
  const { parts, literal } = parsed.pattern;
  if (literal) return { text: partOfName(text), cut: false };
  const wildcard = parts.findIndex((part) => part === "*" || part === ">");
  // Tokens and separators alternate.
  return beginningOf(parts, Math.min(wildcard / 2, BEGINNINGS_AT_MOST));
}

/** The first tokens with their separators, followed by ANY; none, or too long: ANY alone. */
function beginningOf(parts: readonly string[], tokens: number): Part {
  const text = parts.slice(0, 2 * tokens).join("");
  if (text === "" || text.length > LITERAL_CHARS_AT_MOST) return WHOLE_RANGE;
  return { text: `${text}${ANY}`, cut: true };
}

/** The text itself, its beginnings, ANY. */
function partsOfPatterned(text: string): Part[] {
  const parts = partsOf(text);
  const separators = Math.min((parts.length - 1) / 2, BEGINNINGS_AT_MOST);
  const beginnings = Array.from({ length: separators }, (_, n) => beginningOf(parts, n + 1));
  return [{ text: partOfName(text), cut: false }, ...beginnings, WHOLE_RANGE];
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
