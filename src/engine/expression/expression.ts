// One expression from its text to its value: conditions, filters and the expressions in templates.
//
// Boundary: the only door to expressions; others keep an Expression and hand it a Scope.
// Invariants:
// 1. Parsing and planning happen once; evaluating an expression never throws.
// 2. Which steps an expression reads is known before it runs.
// 3. Only the value `true` holds: an error value never takes an edge.

import {
  type CelError,
  type CelResult,
  type CelValue,
  celMap,
  isCelError,
  plan,
} from "@bufbuild/cel";
import { type Json, type JsonObject, ownValue } from "../values/json.ts";
import { FuelSpentError, fillTank, type Tank, withTank, workUnits } from "./fuel.ts";
import { environment, textOfMessage } from "./functions.ts";
import type { Meaning, NameContext } from "./names.ts";
import { literalResultsOf } from "./results.ts";
import { readSyntax, type Syntax } from "./syntax.ts";
import { celOfJson, jsonOfCel } from "./values.ts";

/** What the expressions of a version may read, and where they occur. */
export interface ExpressionContext extends NameContext {
  /** What was parsed in this context, by its text; unset: nothing is kept. */
  readonly parsed?: Map<string, ParsedExpression>;
}

/** A parsed expression. Compiled once, evaluated any number of times. */
export interface Expression {
  readonly source: string;
  /** Ids of the steps it reads, as written in the version. */
  readonly reads: readonly string[];
  /** Whether it reads `input`, the run's input. */
  readonly readsInput: boolean;
  /** The values it can give, as texts, where it names them itself (see results.ts). */
  readonly results?: readonly string[];
  /** Instructions of its regular expressions. */
  readonly regexInstructions: number;
}

/** A finished step, as expressions see it. */
export interface StepInScope {
  input?: JsonObject;
  output?: JsonObject;
  /** The short form: `COMPLETED`. */
  state: string;
}

/** The values an expression can name. */
export interface Scope {
  /** Fields at top level: a step's input, an edge's source output, an event's data. */
  fields: JsonObject;
  /** The run's input. */
  input?: JsonObject;
  /** Finished steps by id; those that the expression reads are enough. */
  steps?: ReadonlyMap<string, StepInScope>;
  run?: JsonObject;
  event?: JsonObject;
}

/** A value, or why there is none: in words, naming the expression. */
export type Evaluation = { ok: true; value: Json } | { ok: false; problem: string };

interface Compiled {
  syntax: Syntax;
  evaluate: (bindings: Bindings) => CelResult;
}

type Bindings = Record<string, CelValue>;

const SHOWN_CHARS = 200;
/** The library does not tell the size of a list. */
const OUT_OF_BOUNDS = /^index (\S+) out of bounds \[0, -1\)$/;
const compiled = new WeakMap<Expression, Compiled>();

/** An expression, or why it is refused. */
export type ParsedExpression =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problem: string };

/**
 * Reads and compiles an expression, each text once where the context keeps what was parsed. Refused, with the problem in words: what does not parse, costs
 * too much (size, comprehensions, regular expressions), calls what does not exist, or indexes
 * `steps` with anything but the literal id of a step.
 */
export function parseExpression(source: string, context: ExpressionContext): ParsedExpression {
  const known = context.parsed?.get(source);
  if (known !== undefined) return known;
  const parsed = parse(source, context);
  context.parsed?.set(source, parsed);
  return parsed;
}

function parse(source: string, context: ExpressionContext): ParsedExpression {
  const read = readSyntax(source, context);
  if (!read.ok) return { ok: false, problem: explain(source, read.problem) };
  const { syntax } = read;
  const results = literalResultsOf(syntax.tree);
  const expression: Expression = {
    source,
    reads: syntax.reads,
    readsInput: syntax.meanings.has("r:input"),
    regexInstructions: syntax.regexInstructions,
    ...(results === undefined ? {} : { results }),
  };
  try {
    compiled.set(expression, {
      syntax,
      evaluate: plan(environment, syntax.tree),
    });
  } catch (cause) {
    return { ok: false, problem: explain(source, messageOf(cause)) };
  }
  return { ok: true, expression };
}

/** Whether an expression reads fields at top level: of a step's input, or of what an edge or an event brings. */
export function readsFields(expression: Expression): boolean {
  const meanings = compiled.get(expression)?.syntax.meanings.values() ?? [];
  return [...meanings].some(({ is }) => is === "field");
}

/** The expression's value as plain JSON. Never throws; a problem names the expression. */
export function evaluate(expression: Expression, scope: Scope, tank = fillTank()): Evaluation {
  return evaluateFrom(tank, expression, scope);
}

/** Like `evaluate`, on a tank that several evaluations share. */
export function evaluateFrom(tank: Tank, expression: Expression, scope: Scope): Evaluation {
  const plan = compiled.get(expression);
  if (plan === undefined) {
    return {
      ok: false,
      problem: explain(expression.source, "was not made by parseExpression"),
    };
  }
  const { left } = tank;
  try {
    return withTank(tank, () => {
      const bindings = bindingsOf(plan.syntax, scope);
      const result = plan.evaluate(bindings);
      if (tank.left < 0) throw new FuelSpentError();
      if (isCelError(result)) {
        const problem = problemOf(result, plan.syntax, bindings);
        return { ok: false, problem: explain(expression.source, problem) };
      }
      return { ok: true, value: jsonOfCel(result, textOfMessage) };
    });
  } catch (cause) {
    return { ok: false, problem: explain(expression.source, messageOf(cause)) };
  } finally {
    const { nodes, bodyNodes } = plan.syntax;
    tank.work += workUnits(left - tank.left, nodes, bodyNodes);
  }
}

/**
 * Whether the expression's value is `true`. Anything else does not hold; `problem` says why when the
 * value could not be had or is neither true nor false.
 */
export function holds(
  expression: Expression,
  scope: Scope,
  tank = fillTank(),
): { holds: boolean; problem?: string } {
  const evaluation = evaluate(expression, scope, tank);
  if (!evaluation.ok) return { holds: false, problem: evaluation.problem };
  if (typeof evaluation.value === "boolean") return { holds: evaluation.value };
  return {
    holds: false,
    problem: explain(expression.source, "gives a value that is neither true nor false"),
  };
}

function bindingsOf(syntax: Syntax, scope: Scope): Bindings {
  const bindings: Bindings = Object.create(null);
  for (const [name, meaning] of syntax.meanings) {
    const value = bindingOf(meaning, syntax, scope);
    if (value !== undefined) bindings[name] = value;
  }
  return bindings;
}

function bindingOf(meaning: Meaning, syntax: Syntax, scope: Scope): CelValue | undefined {
  switch (meaning.is) {
    case "field":
      return optionalCel(fieldOf(scope, meaning.name));
    case "step":
      return stepValue(scope.steps?.get(meaning.id));
    case "reserved":
      return meaning.name === "steps"
        ? stepsValue(syntax, scope)
        : optionalCel(scope[meaning.name]);
  }
}

/** In a filter `data` is the event's data, unless the data has such a field. */
function fieldOf({ fields, event }: Scope, name: string): Json | undefined {
  const own = ownValue(fields, name);
  if (own !== undefined || name !== "data" || event === undefined) return own;
  return ownValue(event, name);
}

function optionalCel(value: Json | undefined): CelValue | undefined {
  return value === undefined ? undefined : celOfJson(value);
}

function stepValue(step: StepInScope | undefined): CelValue | undefined {
  if (step === undefined) return undefined;
  const fields = new Map<string, CelValue>([["state", step.state]]);
  if (step.input !== undefined) fields.set("input", celOfJson(step.input));
  if (step.output !== undefined) fields.set("output", celOfJson(step.output));
  return celMap(fields);
}

function stepsValue(syntax: Syntax, scope: Scope): CelValue {
  const steps = new Map<string, CelValue>();
  for (const id of syntax.reads) {
    const value = stepValue(scope.steps?.get(id));
    if (value === undefined) continue;
    steps.set(id, value);
    steps.set(id.replaceAll("-", "_"), value);
  }
  return celMap(steps);
}

/**
 * The library tells where an evaluation failed by the node's id: a free name without a value, a field
 * selected where it is not, or else what its own words say.
 */
function problemOf(error: CelError, syntax: Syntax, bindings: Bindings): string {
  const at = error.exprId;
  const field = at === undefined ? undefined : syntax.fieldAt.get(at);
  if (field !== undefined) return `no such field "${field}"`;
  const missing = [...syntax.meanings].filter(([name]) => !(name in bindings));
  const named = missing.find(([name]) => at !== undefined && syntax.nameAt.get(at) === name);
  const first = named ?? (at !== undefined && syntax.nameAt.has(at) ? undefined : missing[0]);
  return first === undefined ? messageOf(error) : missingProblem(first[1]);
}

function missingProblem(meaning: Meaning): string {
  if (meaning.is === "step") return `the step "${meaning.id}" has not finished`;
  return `no such name "${meaning.name}"`;
}

function messageOf(cause: unknown): string {
  if (isCelError(cause) && cause.cause instanceof Error) return cause.cause.message;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(OUT_OF_BOUNDS, "the list has no element $1 (they count from 0)");
}

function explain(source: string, problem: string): string {
  return `expression "${shorten(source)}": ${shorten(problem)}`;
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARS
    ? `${text.slice(0, SHOWN_CHARS).replace(/[\ud800-\udbff]$/, "")}…`
    : text;
}
