// Texts with `{{ expr }}` in them: step configs, event patterns and whatever else a version's author
// may leave to be filled in.
//
// Boundary: finds the expressions and puts their values in; what they mean is expression.ts.
// Invariants:
// 1. All faults of a value are reported, each with the path of its text.
// 2. A text that is one lone `{{ expr }}` becomes its value; any other text stays a text.
// 3. One rendering has one tank of fuel and one size limit, however many expressions it has.

import {
  isJsonObject,
  type Json,
  type JsonObject,
  jsonSizeBytes,
  putValue,
} from "../values/json.ts";
import {
  type Expression,
  type ExpressionContext,
  evaluateFrom,
  parseExpression,
  type Scope,
} from "./expression.ts";
import { fillTank, type Tank } from "./fuel.ts";
import { findTemplateEnd } from "./lexing.ts";
import { MAX_RESULT_BYTES } from "./values.ts";

/** A parsed value with expressions in its texts. Keys of objects are never templates. */
export interface Template {
  /** Ids of the steps its expressions read. */
  readonly reads: readonly string[];
  /** Whether one of them reads `input`, the run's input. */
  readonly readsInput: boolean;
  /** Whether there are none: it always renders to itself. */
  readonly constant: boolean;
}

/** Something wrong with one text of a template. */
export interface TemplateFault {
  path: string;
  problem: string;
}

type Part = string | Expression;
type Shape =
  | { is: "constant"; value: Json }
  | { is: "value"; expression: Expression }
  | { is: "text"; parts: readonly Part[] }
  | { is: "list"; items: readonly Shape[] }
  | { is: "object"; fields: readonly (readonly [string, Shape])[] };

const OPEN = "{{";
const CLOSE = "}}";
const MAX_EXPRESSIONS = 250;
const shapes = new WeakMap<Template, Shape>();

interface Parsing {
  context: ExpressionContext;
  expressions: Expression[];
  faults: TemplateFault[];
}

/**
 * Reads a value as a template. `path` is the path of the value; a fault's path continues from it to
 * the text it is in, as in `steps[2].config.input.subject`. Refused: expressions that do not parse,
 * `{{` without `}}`, more than MAX_EXPRESSIONS expressions.
 */
export function parseTemplate(
  value: Json,
  context: ExpressionContext,
  path: string,
): { ok: true; template: Template } | { ok: false; faults: TemplateFault[] } {
  const parsing: Parsing = { context, expressions: [], faults: [] };
  const shape = parseValue(value, path, parsing);
  const { expressions, faults } = parsing;
  if (expressions.length > MAX_EXPRESSIONS) {
    const problem = `has more than ${MAX_EXPRESSIONS} expressions`;
    faults.push({ path, problem });
  }
  if (faults.length > 0) return { ok: false, faults };
  const template: Template = {
    reads: [...new Set(expressions.flatMap(({ reads }) => reads))],
    readsInput: expressions.some(({ readsInput }) => readsInput),
    constant: expressions.length === 0,
  };
  shapes.set(template, shape);
  return { ok: true, template };
}

function parseValue(value: Json, path: string, parsing: Parsing): Shape {
  if (typeof value === "string") return parseText(value, path, parsing);
  const constant: Shape = { is: "constant", value };
  if (Array.isArray(value)) {
    const items = value.map((item, at) => parseValue(item, `${path}[${at}]`, parsing));
    return items.every(({ is }) => is === "constant") ? constant : { is: "list", items };
  }
  if (!isJsonObject(value)) return constant;
  const fields = Object.entries(value).map(([key, field]): readonly [string, Shape] => [
    key,
    parseValue(field, path === "" ? key : `${path}.${key}`, parsing),
  ]);
  return fields.every(([, { is }]) => is === "constant") ? constant : { is: "object", fields };
}

function parseText(text: string, path: string, parsing: Parsing): Shape {
  const parts: Part[] = [];
  let rest = 0;
  for (let at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, rest)) {
    const end = findTemplateEnd(text, at + OPEN.length);
    if (end === undefined) {
      parsing.faults.push({
        path,
        problem: `has a "${OPEN}" without its "${CLOSE}"`,
      });
      break;
    }
    if (at > rest) parts.push(text.slice(rest, at));
    const expression = parsePart(text.slice(at + OPEN.length, end).trim(), path, parsing);
    if (expression !== undefined) parts.push(expression);
    rest = end + CLOSE.length;
  }
  if (rest < text.length) parts.push(text.slice(rest));
  return shapeOfParts(text, parts);
}

function parsePart(source: string, path: string, parsing: Parsing): Expression | undefined {
  if (parsing.expressions.length > MAX_EXPRESSIONS) return undefined;
  const parsed = parseExpression(source, parsing.context);
  if (parsed.ok) {
    parsing.expressions.push(parsed.expression);
    return parsed.expression;
  }
  parsing.faults.push({ path, problem: parsed.problem });
  return undefined;
}

function shapeOfParts(text: string, parts: readonly Part[]): Shape {
  if (parts.every((part) => typeof part === "string")) return { is: "constant", value: text };
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && typeof only !== "string") {
    return { is: "value", expression: only };
  }
  return { is: "text", parts };
}

interface Rendering {
  scope: Scope;
  tank: Tank;
  bytesLeft: number;
}

/** Ends a rendering; its message names the expression that failed, or says what became too large. */
class RenderError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "RenderError";
  }
}

/** The template's value with every expression replaced. A problem names the expression that failed. */
export function renderTemplate(
  template: Template,
  scope: Scope,
  tank = fillTank(),
): { ok: true; value: Json } | { ok: false; problem: string } {
  const shape = shapes.get(template);
  if (shape === undefined) return { ok: false, problem: "was not made by parseTemplate" };
  try {
    const value = render(shape, {
      scope,
      tank,
      bytesLeft: MAX_RESULT_BYTES,
    });
    return { ok: true, value };
  } catch (cause) {
    if (cause instanceof RenderError) return { ok: false, problem: cause.message };
    throw cause;
  }
}

function render(shape: Shape, rendering: Rendering): Json {
  switch (shape.is) {
    case "constant":
      return shape.value;
    case "value":
      return evaluatePart(shape.expression, rendering);
    case "text":
      return shape.parts.map((part) => textOf(part, rendering)).join("");
    case "list":
      return shape.items.map((item) => render(item, rendering));
    case "object":
      return renderObject(shape.fields, rendering);
  }
}

function renderObject(
  fields: readonly (readonly [string, Shape])[],
  rendering: Rendering,
): JsonObject {
  const object: JsonObject = {};
  for (const [key, field] of fields) putValue(object, key, render(field, rendering));
  return object;
}

function textOf(part: Part, rendering: Rendering): string {
  if (typeof part === "string") return part;
  const value = evaluatePart(part, rendering);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function evaluatePart(expression: Expression, rendering: Rendering): Json {
  const evaluation = evaluateFrom(rendering.tank, expression, rendering.scope);
  if (!evaluation.ok) throw new RenderError(evaluation.problem);
  rendering.bytesLeft -= jsonSizeBytes(evaluation.value);
  if (rendering.bytesLeft < 0) {
    throw new RenderError(`the values put in are larger than ${MAX_RESULT_BYTES} bytes of JSON`);
  }
  return evaluation.value;
}

/** The text of every `{{ }}` within a value, as parseTemplate reads them. */
export function* expressionsIn(value: Json): Generator<string> {
  if (typeof value === "string") yield* expressionsOfText(value);
  else if (Array.isArray(value)) for (const item of value) yield* expressionsIn(item);
  else if (isJsonObject(value))
    for (const field of Object.values(value)) yield* expressionsIn(field);
}

function* expressionsOfText(text: string): Generator<string> {
  let rest = 0;
  for (let at = text.indexOf(OPEN); at >= 0; at = text.indexOf(OPEN, rest)) {
    const end = findTemplateEnd(text, at + OPEN.length);
    if (end === undefined) return;
    yield text.slice(at + OPEN.length, end).trim();
    rest = end + CLOSE.length;
  }
}

/** The text without its `{{ }}` expressions: only the literal parts. */
export function withoutExpressions(text: string): string {
  let kept = "";
  let at = 0;
  for (let open = text.indexOf(OPEN); open >= 0; open = text.indexOf(OPEN, at)) {
    kept += text.slice(at, open);
    const end = findTemplateEnd(text, open + OPEN.length);
    if (end === undefined) return kept;
    at = end + CLOSE.length;
  }
  return kept + text.slice(at);
}
