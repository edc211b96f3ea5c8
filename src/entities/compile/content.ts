/**
 * What a workflow does, in the entity's words, ↔ a workflow file: a chain of steps `step-0`, `step-1` … for agents.
 * Boundary: pure. The service checks the file; its faults are found by `fieldOfPath`.
 * Invariant: a file that was compiled here is read back as content that compiles to the same file.
 */
import { parse } from "yaml";
import { nearest } from "../../file/faults.ts";
import { findUnwritable, isObject, type Json, type JsonObject } from "./json.ts";
import { compileValue, readValue } from "./mapping.ts";
import {
  checkErrorHandling,
  compileRetry,
  type ErrorHandling,
  onErrorOf,
  parseJson,
  readErrorHandling,
  readRetry,
  readTimeout,
  wholeSeconds,
} from "./policies.ts";

/** One step: an action that an agent can do. */
export interface ActionStep {
  /** The capability by which an agent is found, such as `Customer.create`. */
  readonly action: string;
  /** The input of the action. A text in it may read the event (`deal.name`) and steps before (`step.0.$id`). */
  readonly mapping?: JsonObject;
  /** With errorHandling Fallback: the output of the step when it has failed; `{}` unless given. */
  readonly fallback?: JsonObject;
}

/** What a workflow does. */
export interface Content {
  /** Undefined: no event starts it. */
  readonly triggerEvent: string | undefined;
  readonly steps: readonly ActionStep[] | undefined;
  /** Of each step, such as `3 x exponential 10s`. */
  readonly retryPolicy: string | undefined;
  readonly errorHandling: ErrorHandling | undefined;
  /** The deadline of a run, in ms. */
  readonly timeout: number | undefined;
}

/** Content as a caller gives it: steps and a retry policy may be JSON text. */
export interface GivenContent {
  readonly triggerEvent?: unknown;
  readonly steps?: unknown;
  readonly retryPolicy?: unknown;
  readonly errorHandling?: unknown;
  readonly timeout?: unknown;
}

/** A field that is refused, and why. */
interface ContentFault {
  /** Such as `steps[1].mapping.plan`. */
  readonly field: string;
  readonly description: string;
}

/** A compiled file, or what is wrong. */
export type Compiled =
  | { readonly ok: true; readonly sourceText: string; readonly hasSteps: boolean }
  | { readonly ok: false; readonly faults: readonly ContentFault[] };

const STEP_FIELDS = ["action", "mapping", "fallback"];

/** Writes the workflow file of a workflow. All faults come at once. */
export function compileContent(name: string, given: GivenContent): Compiled {
  const faults: ContentFault[] = [];
  const fault = (field: string) => (description: string) => {
    faults.push({ field, description });
  };
  const { triggerEvent, retryPolicy, timeout, errorHandling = "Stop" } = given;
  if (triggerEvent !== undefined && (typeof triggerEvent !== "string" || triggerEvent === "")) {
    fault("triggerEvent")("must be the type of an event, such as Deal.won");
  }
  const handling = checkErrorHandling(errorHandling, fault("errorHandling")) ?? "Stop";
  const event = typeof triggerEvent === "string" ? triggerEvent : undefined;
  const file = {
    workflow: name,
    on: event === undefined ? "manual" : { event },
    ...(timeout === undefined ? {} : { timeout: secondsOf(timeout, fault("timeout")) }),
    ...(retryPolicy === undefined
      ? {}
      : { retry: compileRetry(retryPolicy, fault("retryPolicy")) }),
    steps: compileSteps(given.steps, { event, handling }, fault),
  };
  const hasSteps = Object.keys(file.steps).length > 0;
  if (handling !== "Stop" && !hasSteps) {
    fault("errorHandling")("needs steps: it is kept with each of them");
  }
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, sourceText: `${JSON.stringify(file, undefined, 2)}\n`, hasSteps };
}

type FaultAt = (field: string) => (description: string) => void;
interface StepSurroundings {
  readonly event: string | undefined;
  readonly handling: ErrorHandling;
}

function secondsOf(timeout: unknown, fault: (description: string) => void): number {
  const seconds = typeof timeout === "number" && timeout > 0 ? wholeSeconds(timeout) : undefined;
  if (seconds === undefined) fault("must be a number of milliseconds above 0");
  return seconds ?? 0;
}

function compileSteps(given: unknown, surroundings: StepSurroundings, fault: FaultAt): JsonObject {
  const steps = typeof given === "string" ? parseJson(given) : (given ?? []);
  if (!Array.isArray(steps)) {
    fault("steps")("must be a list of {action, mapping}, or its JSON text");
    return {};
  }
  return Object.fromEntries(
    steps.map((step: unknown, index) => [
      `step-${index}`,
      compileStep(step, index, surroundings, fault),
    ]),
  );
}

function compileStep(
  step: unknown,
  index: number,
  { event, handling }: StepSurroundings,
  fault: FaultAt,
): JsonObject {
  const field = `steps[${index}]`;
  if (!isObject(step)) {
    fault(field)("must be an object {action, mapping}");
    return {};
  }
  for (const key of Object.keys(step)) {
    if (STEP_FIELDS.includes(key)) continue;
    const known = `a step has ${STEP_FIELDS.join(", ")}`;
    fault(`${field}.${key}`)(`is an unknown field${nearest(key, STEP_FIELDS)}; ${known}`);
  }
  const { action, fallback = {} } = step;
  if (typeof action !== "string" || action.trim() === "") {
    fault(`${field}.action`)("must be the name of an action, such as Customer.create");
    return {};
  }
  if (step.fallback !== undefined && handling !== "Fallback") {
    fault(`${field}.fallback`)(`needs errorHandling Fallback; it is ${handling}`);
  }
  const scope = { triggerEvent: event, stepsBefore: index };
  const mapping = objectOf(step.mapping, `${field}.mapping`, fault);
  const input: JsonObject =
    mapping === undefined
      ? {}
      : {
          with: compileValue(mapping, scope, (path, description) =>
            fault(`${field}.mapping${path}`)(description),
          ),
        };
  const output = objectOf(fallback, `${field}.fallback`, fault) ?? {};
  return { capability: action, action, ...input, on_error: onErrorOf(handling, output) };
}

function objectOf(value: unknown, field: string, fault: FaultAt): JsonObject | undefined {
  if (value === undefined) return undefined;
  const unwritable = isObject(value) ? findUnwritable(value) : "";
  if (unwritable === undefined) return value as JsonObject;
  fault(`${field}${unwritable}`)(
    unwritable === "" ? "must be an object of JSON values" : "is no value of JSON",
  );
  return undefined;
}

/** The entity's field that a path of a compiled file stands for: `steps.step-1.with.plan` is `steps[1].mapping.plan`. */
export function fieldOfPath(path: string): string {
  if (path === "workflow") return "name";
  if (path.startsWith("on")) return "triggerEvent";
  if (path === "timeout") return "timeout";
  if (path.startsWith("retry")) return "retryPolicy";
  const [, index, key, rest = ""] = /^steps\.step-(\d+)(?:\.(\w+))?(.*)$/s.exec(path) ?? [];
  if (index === undefined) return path;
  const field = {
    with: ".mapping",
    on_error: ".fallback",
    capability: ".action",
    action: ".action",
  };
  return `steps[${index}]${field[(key ?? "") as keyof typeof field] ?? ""}${rest}`;
}

/** What a workflow file does; and whether it was compiled here, so that another one can take its place without a loss. */
export interface ReadContent {
  readonly content: Content;
  readonly isCompiled: boolean;
}

/** How deep the values of a step are in a file: `steps.step-0.on_error.fallback`. */
const DEEPEST = 4;

/** Of a workflow without a file. */
export const NO_CONTENT: Content = {
  triggerEvent: undefined,
  steps: undefined,
  retryPolicy: undefined,
  errorHandling: undefined,
  timeout: undefined,
};

/** Reads a workflow file, YAML or JSON. Of one that another editor wrote the content has what it has words for. */
export function readContent(sourceText: string): ReadContent {
  const file = parseFile(sourceText);
  const isReadable = isObject(file) && findUnwritable(file, -DEEPEST) === undefined;
  if (!isReadable) return { content: NO_CONTENT, isCompiled: false };
  const on = isObject(file.on) ? file.on.event : undefined;
  const triggerEvent = typeof on === "string" ? on : undefined;
  const steps = isObject(file.steps) ? Object.entries(file.steps) : [];
  const handlings = new Set(
    steps.map(([, step]) => readErrorHandling(isObject(step) ? step.on_error : undefined)),
  );
  const content: Content = {
    triggerEvent,
    steps:
      steps.length === 0
        ? undefined
        : steps.map(([id, step], index) =>
            readStep(id, step, { triggerEvent, stepsBefore: index }),
          ),
    retryPolicy: readRetry(file.retry),
    errorHandling: handlings.size === 1 ? [...handlings][0] : undefined,
    timeout: readTimeout(file.timeout),
  };
  const again = compileContent(String(file.workflow), content);
  const isCompiled = again.ok && isSame(parseJson(again.sourceText), file);
  return { content, isCompiled };
}

function parseFile(text: string): unknown {
  const json = parseJson(text);
  if (json !== undefined) return json;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function readStep(
  id: string,
  step: unknown,
  scope: { readonly triggerEvent: string | undefined; readonly stepsBefore: number },
): ActionStep {
  if (!isObject(step)) return { action: id };
  const named = [step.action, step.capability, step.agent, step.queue];
  const action = named.find((each) => typeof each === "string") ?? id;
  const onError = step.on_error;
  const fallback = isObject(onError) && isObject(onError.fallback) ? onError.fallback : {};
  return {
    action: String(action),
    ...(isObject(step.with) ? { mapping: readValue(step.with as Json, scope) as JsonObject } : {}),
    ...(Object.keys(fallback).length === 0 ? {} : { fallback: fallback as JsonObject }),
  };
}

/** Whether two values of JSON are the same, whatever the order of their names. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return a === b;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => name in b && isSame(a[name], b[name]))
  );
}
