/**
 * What a step with config.workflow starts: which definition, with which input, for which items.
 * Boundary: pure; starts nothing. Everything is rendered once per attempt, so that all children see the same values
 * whenever they start.
 */

import type { Draft } from "../../draft/draft.ts";
import { renderIn } from "../../draft/scope.ts";
import { failure, type Trouble } from "../../flow/ending.ts";
import type { ChildSettings } from "../../graph/graph.ts";
import { MAX_CHILDREN, MAX_DEPTH } from "../../values/child-run.ts";
import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
  ownValue,
} from "../../values/json.ts";

/** What all children of an attempt share; the PLAN row of a list stores it. */
export type Plan = {
  readonly definition_id: string;
  readonly name: string;
  readonly version: number;
  readonly input: JsonObject;
};

/** A plan with the items of a list, or the problem. */
export type Planned =
  | { readonly ok: true; readonly plan: Plan; readonly items?: readonly Json[] }
  | { readonly ok: false; readonly trouble: Trouble };

/** The plan of an attempt, from config.workflow rendered with the step's input. */
export function planChildren(draft: Draft, index: number, input: JsonObject): Planned {
  const settings = draft.step(index).children;
  if (settings === undefined) throw new Error(`step ${index} has no config.workflow`);
  const depth = depthOf(draft);
  if (depth > MAX_DEPTH) return refuse(`child runs nest at most ${MAX_DEPTH} deep`, false);
  const target = renderIn(draft, settings.target, input);
  if (!target.ok) return refuse(target.problem);
  const base = settings.input === undefined ? undefined : renderIn(draft, settings.input, input);
  if (base?.ok === false) return refuse(base.problem);
  const given = base !== undefined && isJsonObject(base.value) ? base.value : input;
  const plan = { ...targetOf(target.value), input: given };
  // The first round has no output before it.
  if (settings.repeatWhile !== undefined) return { ok: true, plan, items: [null] };
  if (settings.forEach === undefined) return { ok: true, plan };
  const list = renderIn(draft, settings.forEach, input);
  if (!list.ok) return refuse(list.problem);
  if (!Array.isArray(list.value)) {
    return refuse(`for_each ${settings.forEachText} gave ${kindOf(list.value)}, not a list`);
  }
  const items = list.value;
  if (items.length > MAX_CHILDREN) {
    return refuse(`for_each gave ${items.length} items, over the limit of ${MAX_CHILDREN}`, false);
  }
  const tooFew = whatIsMissing(settings, items.length);
  if (tooFew !== undefined) return refuse(tooFew, false);
  const common = base === undefined ? withoutList(input, items) : given;
  return { ok: true, plan: { ...plan, input: common }, items };
}

function refuse(message: string, retryable = true): Planned {
  return { ok: false, trouble: failure(message, retryable) };
}

function whatIsMissing({ required = 0 }: ChildSettings, items: number): string | undefined {
  if (items === 0 || items >= required) return undefined;
  return `for_each gave ${items} items, ${required} are required to succeed`;
}

/** Each child gets its item but not the whole list: copies of the list would be quadratic in its length. */
function withoutList(input: JsonObject, items: readonly Json[]): JsonObject {
  const text = canonicalJson([...items]);
  const isList = (value: Json) =>
    Array.isArray(value) && value.length === items.length && canonicalJson(value) === text;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => !isList(value)));
}

function targetOf(value: Json): Omit<Plan, "input"> {
  const text = (key: string) => {
    const part = isJsonObject(value) ? ownValue(value, key) : undefined;
    return typeof part === "string" ? part : "";
  };
  const version = isJsonObject(value) ? ownValue(value, "version") : undefined;
  return {
    definition_id: text("definition_id"),
    name: text("name"),
    version: version === undefined ? 0 : versionOf(version),
  };
}

/** NaN for a value that is no number: the start then refuses it as an unknown version. */
function versionOf(value: Json): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" ? number : Number.NaN;
}

/** Reads the plan of a PLAN row. */
export function readPlan(value: Json | undefined): Plan {
  const input = isJsonObject(value) ? ownValue(value, "input") : undefined;
  return { ...targetOf(value ?? null), input: isJsonObject(input) ? input : {} };
}

/** The nesting depth of the run's children. */
export function depthOf(draft: Draft): number {
  return (draft.run.parentStep?.depth ?? 0) + 1;
}

function kindOf(value: Json): string {
  if (value === null) return "null";
  return isJsonObject(value) ? "an object" : `a ${typeof value}`;
}
