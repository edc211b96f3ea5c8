/**
 * The values of a step's mapping, such as `deal.name`, as templates of a workflow file, and back.
 * Boundary: texts. What a template may read is the engine's check.
 * Invariant: what a template is read back as compiles to the same template.
 */
import { nearest } from "../../file/faults.ts";
import type { Json } from "./json.ts";

/** What the texts of one step may read. */
export interface MappingScope {
  /** The event that starts the workflow, such as `Deal.won`: `deal.name` reads its data. */
  readonly triggerEvent: string | undefined;
  /** How many steps stand before. */
  readonly stepsBefore: number;
}

/** Why a text is refused, without a full stop. */
export class MappingFault {
  readonly description: string;
  constructor(description: string) {
    this.description = description;
  }
}

type Term = { readonly literal: string } | { readonly word: string };

/** Names that a text reads besides the noun of the event. */
const ROOTS = ["input", "run", "step"] as const;
const PATH = /^[A-Za-z_$][\w$]*(?:\.(?:[A-Za-z_$][\w$]*|\d+))+$/;
const TERM =
  /\s*(?:(?<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<word>[^\s+"']+))\s*(?<more>\+|$)/y;
/** Names that CEL takes after a dot; all others stand in brackets. */
const PLAIN = /^[A-Za-z_]\w*$/;
const RESERVED: ReadonlySet<string> = new Set(
  "in as break const continue else false for function if import let loop namespace null package return true var void while".split(
    " ",
  ),
);

/** `deal` of `Deal.won` and of `crm.deal.won`; undefined where the event has no such part. */
function nounOf(triggerEvent: string | undefined): string | undefined {
  const part = triggerEvent?.split(".").at(-2);
  if (part === undefined || !PLAIN.test(part)) return undefined;
  const noun = part.charAt(0).toLowerCase() + part.slice(1);
  return [...ROOTS, "steps", "event"].includes(noun) ? undefined : noun;
}

/** The template of a text, or the text as it is. One that holds `{{` is a template already. */
export function compileText(text: string, scope: MappingScope): string | MappingFault {
  if (text.includes("{{")) return text;
  const terms = termsOf(text);
  if (terms === undefined) {
    return text.trimStart().startsWith('"')
      ? new MappingFault(
          'begins with a quote, and is no sum of texts and paths such as `"Hi " + deal.name`',
        )
      : text;
  }
  const [only] = terms;
  if (terms.length === 1 && only !== undefined) return compileOne(text, only, scope);
  const isSum =
    terms.some((term) => "literal" in term || isKnown(term.word, scope)) ||
    terms.every((term) => "word" in term && isPath(term.word));
  return isSum ? compileSum(terms, scope) : text;
}

function compileOne(text: string, term: Term, scope: MappingScope): string | MappingFault {
  if ("literal" in term) return term.literal;
  if (!isKnown(term.word, scope) && !isPath(term.word)) return text;
  const read = expressionOf(term.word, scope);
  return typeof read === "string" ? `{{ ${read} }}` : read;
}

function compileSum(terms: readonly Term[], scope: MappingScope): string | MappingFault {
  const hasText = terms.some((term) => "literal" in term);
  const parts: string[] = [];
  for (const term of terms) {
    if ("literal" in term) {
      parts.push(term.literal);
      continue;
    }
    if (!PATH.test(term.word)) {
      return new MappingFault(
        `adds ${JSON.stringify(term.word)}, which is neither a text in quotes nor a path such as deal.name`,
      );
    }
    const read = expressionOf(term.word, scope);
    if (typeof read !== "string") return read;
    parts.push(hasText ? `{{ ${read} }}` : read);
  }
  return hasText ? parts.join("") : `{{ ${parts.join(" + ")} }}`;
}

/** The terms of a sum; undefined for a text that is none. */
function termsOf(text: string): Term[] | undefined {
  const terms: Term[] = [];
  TERM.lastIndex = 0;
  for (let isMore = true; isMore; ) {
    const { quoted, word = "", more } = TERM.exec(text)?.groups ?? {};
    if (quoted === undefined && word === "") return undefined;
    if (quoted === undefined) terms.push({ word });
    else {
      const literal = unquote(quoted);
      if (literal === undefined) return undefined;
      terms.push({ literal });
    }
    isMore = more === "+";
  }
  return TERM.lastIndex === text.length ? terms : undefined;
}

function unquote(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  const json = quoted.startsWith("'")
    ? inner.replaceAll(/\\.|"/g, (found) => (found === "\\'" ? "'" : found === '"' ? '\\"' : found))
    : inner;
  try {
    return String(JSON.parse(`"${json}"`));
  } catch {
    return undefined;
  }
}

function isKnown(word: string, { triggerEvent }: MappingScope): boolean {
  if (!PATH.test(word)) return false;
  const [root = ""] = word.split(".");
  return root === nounOf(triggerEvent) || ROOTS.some((known) => known === root);
}

/** Whether a text is read as a path, known or not: names of types and events, such as `Deal.won`, are none. */
function isPath(word: string): boolean {
  return PATH.test(word) && !/^[A-Z]/.test(word);
}

function expressionOf(word: string, scope: MappingScope): string | MappingFault {
  const [root = "", ...path] = word.split(".");
  const noun = nounOf(scope.triggerEvent);
  if (root === noun) return `${nounExpression(noun)}${path.map(access).join("")}`;
  if (root === "input" || root === "run") return `${root}${path.map(access).join("")}`;
  if (root === "step") return stepExpression(word, path, scope);
  const known = noun === undefined ? ROOTS : [noun, ...ROOTS];
  return new MappingFault(
    `reads ${JSON.stringify(word)}, and ${JSON.stringify(root)} is not known${nearest(root, known)}; write input.${word} for ` +
      `that field of the event's data, or ${JSON.stringify(JSON.stringify(word))} for this text`,
  );
}

/** The data of the event has a field of that name, or is that thing itself. */
function nounExpression(noun: string): string {
  return `(has(input.${noun}) ? input.${noun} : input)`;
}

function stepExpression(
  word: string,
  [index = "", ...path]: readonly string[],
  { stepsBefore }: MappingScope,
): string | MappingFault {
  if (/^(?:0|[1-9]\d*)$/.test(index) && Number(index) < stepsBefore) {
    return `steps["step-${index}"].output${path.map(access).join("")}`;
  }
  const before =
    stepsBefore === 0
      ? "the first step has none before it"
      : `steps before it are step.0 to step.${stepsBefore - 1}`;
  return new MappingFault(`reads ${JSON.stringify(word)}, which is no step before: ${before}`);
}

function access(name: string): string {
  if (/^\d+$/.test(name)) return `[${name}]`;
  return PLAIN.test(name) && !RESERVED.has(name) ? `.${name}` : `["${name}"]`;
}

/** A value of a mapping, with the texts inside of it. Faults come with the path inside of the value. */
export function compileValue(
  value: Json,
  scope: MappingScope,
  fault: (path: string, description: string) => void,
  path = "",
): Json {
  if (typeof value === "string") {
    const compiled = compileText(value, scope);
    if (typeof compiled === "string") return compiled;
    fault(path, compiled.description);
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => compileValue(item, scope, fault, `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      compileValue(item, scope, fault, `${path}.${key}`),
    ]),
  );
}

/** The text that compiles to a template of this file; the template itself where no shorter text does. */
export function readText(template: string, scope: MappingScope): string {
  if (!template.includes("{{")) {
    return compileText(template, scope) === template ? template : JSON.stringify(template);
  }
  const parts: string[] = [];
  // Of a text with many "{{ " and no end each one is looked at to the next one alone.
  for (const part of template.split(/(\{\{ (?:(?!\{\{ ).)*? \}\})/s)) {
    const [, expression] = /^\{\{ (.*) \}\}$/s.exec(part) ?? [];
    if (expression === undefined) {
      if (part !== "") parts.push(JSON.stringify(part));
      continue;
    }
    const path = expression.split(" + ").map((term) => pathOf(term, scope));
    if (path.includes(undefined)) return template;
    parts.push(path.join(" + "));
  }
  const text = parts.join(" + ");
  return compileText(text, scope) === template ? text : template;
}

function pathOf(expression: string, { triggerEvent }: MappingScope): string | undefined {
  const noun = nounOf(triggerEvent);
  const heads: [string, string][] = [
    ...(noun === undefined ? [] : [[nounExpression(noun), noun] as [string, string]]),
    ["input", "input"],
    ["run", "run"],
  ];
  const [, index] = /^steps\["step-(\d+)"\]\.output/.exec(expression) ?? [];
  if (index !== undefined) heads.push([`steps["step-${index}"].output`, `step.${index}`]);
  for (const [head, root] of heads) {
    if (!expression.startsWith(head)) continue;
    const rest = expression.slice(head.length);
    const names = rest.match(/\.[A-Za-z_]\w*|\["[\w$]+"\]|\[\d+\]/g) ?? [];
    if (names.join("") !== rest) continue;
    return [root, ...names.map((name) => name.replaceAll(/[.[\]"]/g, ""))].join(".");
  }
  return undefined;
}

/** A value of a file's `with`, with the texts inside of it as `readText` gives them. */
export function readValue(value: Json, scope: MappingScope): Json {
  if (typeof value === "string") return readText(value, scope);
  if (Array.isArray(value)) return value.map((item) => readValue(item, scope));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, readValue(item, scope)]),
  );
}
