/**
 * The expressions, templates and patterns of one step, read once for checking and for running.
 * Boundary: what a text means belongs to expression/ and matching/; which key of config is what, to config-keys.ts.
 * Invariant: every text of a step is read here and nowhere else, so what passes the check also compiles.
 */

import {
  type Expression,
  type ExpressionContext,
  parseExpression,
} from "../expression/expression.ts";
import { findTemplateEnd } from "../expression/lexing.ts";
import { expressionsIn, parseTemplate, type Template } from "../expression/template.ts";
import { findSlip, parsePattern } from "../matching/pattern.ts";
import { targetOf, workflowOf } from "../steps/child-runs/setting.ts";
import type { StepDefinition } from "../values/definition.ts";
import { type Json, type JsonObject, ownValue, putValue } from "../values/json.ts";
import { checkEventNames } from "./check-event-names.ts";
import { isRenderedAtStart, valueKindOf } from "./config-keys.ts";
import type { AddFault } from "./faults.ts";

/** What may be read by a step's expressions: the ids of the version's steps, one object for all steps. */
export interface TextContexts {
  readonly step: ExpressionContext;
  readonly edge: ExpressionContext;
  readonly waitFilter: ExpressionContext;
  readonly triggerFilter: ExpressionContext;
}

/** The read texts of a step; those that are unset or wrong are missing. */
export interface StepTexts {
  readonly condition?: Expression;
  readonly input?: Template;
  readonly fallback?: Template;
  /** All of config that is rendered when an attempt starts, as one object. */
  readonly config?: Template;
  readonly typePattern?: Template;
  readonly subjectPattern?: Template;
  readonly filter?: Expression;
  /** config.workflow: which definition, its input, and its for_each. */
  readonly childTarget?: Template;
  readonly childInput?: Template;
  readonly forEach?: Template;
  /** config.workflow.repeat_while */
  readonly repeatWhile?: Expression;
}

/** The contexts of a version with these step ids, which keep what is parsed in them; `isNew`: it is being published. */
export function textContexts(stepIds: readonly string[], isNew = false): TextContexts {
  const contextOf = (kind: ExpressionContext["kind"]): ExpressionContext => ({
    stepIds,
    kind,
    isNew,
    parsed: new Map(),
  });
  return {
    step: contextOf("step"),
    edge: contextOf("edge"),
    waitFilter: contextOf("wait_filter"),
    triggerFilter: contextOf("trigger_filter"),
  };
}

/** A text to parse, and its place. */
export interface ExpressionText {
  readonly source: string;
  readonly context: ExpressionContext;
}

/** The expressions of a step, in the order in which readStepTexts reads them. */
export function* expressionsOfStep(
  step: StepDefinition,
  { step: context, waitFilter }: TextContexts,
): Generator<ExpressionText> {
  if (step.conditionExpr !== "") yield { source: step.conditionExpr, context };
  const filter = ownSetting(step, "filter_expr");
  if (typeof filter === "string" && filter !== "") yield { source: filter, context: waitFilter };
  const { for_each: forEach, repeat_while: repeatWhile } = workflowOf(step) ?? {};
  if (typeof repeatWhile === "string" && repeatWhile.trim() !== "") {
    yield { source: repeatWhile, context };
  }
  const values: Json[] = [step.eventTypePattern, step.eventSubjectPattern, renderedPart(step)];
  for (const key of ["input", "fallback_output", "workflow"]) {
    values.push(ownSetting(step, key) ?? null);
  }
  if (typeof forEach === "string") values.push(asTemplate(forEach));
  for (const value of values) {
    for (const source of expressionsIn(value)) yield { source, context };
  }
}

/** Reads all texts of a step; `path` is the step's own, such as `steps[3]`. */
export function readStepTexts(
  step: StepDefinition,
  contexts: TextContexts,
  path: string,
  addFault: AddFault,
): StepTexts {
  const { step: own, waitFilter } = contexts;
  const at = (field: string): string => `${path}.${field}`;
  const templateOf = (key: string): Template | undefined => {
    const value = ownSetting(step, key);
    return value === undefined
      ? undefined
      : readTemplate(value, own, at(`config.${key}`), addFault);
  };
  const filter = ownSetting(step, "filter_expr");
  const filterText = typeof filter === "string" ? filter : "";
  checkEventNames(filterText, at("config.filter_expr"), addFault);
  return {
    condition: readExpression(step.conditionExpr, own, at("condition_expr"), addFault),
    typePattern: readPattern(step.eventTypePattern, own, at("event_type_pattern"), addFault),
    subjectPattern: readPattern(
      step.eventSubjectPattern,
      own,
      at("event_subject_pattern"),
      addFault,
    ),
    filter: readExpression(filterText, waitFilter, at("config.filter_expr"), addFault),
    input: templateOf("input"),
    fallback: templateOf("fallback_output"),
    config: readTemplate(renderedPart(step), own, at("config"), addFault),
    ...readWorkflow(step, own, at("config.workflow"), addFault),
  };
}

function readWorkflow(
  step: StepDefinition,
  context: ExpressionContext,
  path: string,
  addFault: AddFault,
): Pick<StepTexts, "childTarget" | "childInput" | "forEach" | "repeatWhile"> {
  const settings = workflowOf(step);
  if (settings === undefined) return {};
  const { input, for_each: forEach, repeat_while: repeatWhile } = settings;
  const target = targetOf(settings);
  const read = (value: Json, key: string) =>
    readTemplate(value, context, `${path}${key}`, addFault);
  return {
    childTarget: read(target, ""),
    childInput: input === undefined ? undefined : read(input, ".input"),
    forEach: typeof forEach === "string" ? read(asTemplate(forEach), ".for_each") : undefined,
    repeatWhile:
      typeof repeatWhile === "string"
        ? readExpression(repeatWhile.trim(), context, `${path}.repeat_while`, addFault)
        : undefined,
  };
}

/** An expression may be written with or without braces. */
function asTemplate(text: string): string {
  return text.includes("{{") ? text : `{{ ${text} }}`;
}

/** A key that is the author's own parameter is no setting, whatever its name. */
function ownSetting(step: StepDefinition, key: string): Json | undefined {
  if (step.stepType === "UNSPECIFIED") return undefined;
  if (valueKindOf(step.stepType, key) === undefined) return undefined;
  return ownValue(step.config, key);
}

function renderedPart(step: StepDefinition): JsonObject {
  const rendered: JsonObject = {};
  const type = step.stepType;
  for (const [key, value] of Object.entries(step.config)) {
    if (type === "UNSPECIFIED" || isRenderedAtStart(type, key)) putValue(rendered, key, value);
  }
  return rendered;
}

/** Reads an expression; undefined for an empty text and for one with a fault. */
export function readExpression(
  source: string,
  context: ExpressionContext,
  field: string,
  addFault: AddFault,
): Expression | undefined {
  if (source === "") return undefined;
  const parsed = parseExpression(source, context);
  if (parsed.ok) return parsed.expression;
  addFault(field, parsed.problem);
  return undefined;
}

function readTemplate(
  value: Json,
  context: ExpressionContext,
  field: string,
  addFault: AddFault,
): Template | undefined {
  const parsed = parseTemplate(value, context, field);
  if (parsed.ok) return parsed.template;
  for (const fault of parsed.faults) addFault(fault.path, fault.problem);
  return undefined;
}

function readPattern(
  text: string,
  context: ExpressionContext,
  field: string,
  addFault: AddFault,
): Template | undefined {
  if (text === "") return undefined;
  const template = readTemplate(text, context, field, addFault);
  if (template === undefined) return undefined;
  const plain = withPlainTokens(text);
  const parsed = parsePattern(plain);
  const problem = parsed.ok ? findSlip(plain) : parsed.problem;
  if (problem === undefined) return template;
  addFault(field, problem);
  return undefined;
}

/** The pattern with a plain letter in place of every `{{ expr }}`: what it looks like once it is rendered. */
function withPlainTokens(text: string): string {
  let plain = "";
  let rest = 0;
  for (let at = text.indexOf("{{"); at >= 0; at = text.indexOf("{{", rest)) {
    const end = findTemplateEnd(text, at + 2);
    if (end === undefined) break;
    plain += `${text.slice(rest, at)}x`;
    rest = end + 2;
  }
  return plain + text.slice(rest);
}
