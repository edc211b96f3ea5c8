/**
 * A step of a version → the keys of a step in a file, paths left out.
 * Boundary: what no short key says is written under `config:` and `fields:`, so that nothing is lost.
 */

import type { RetryPolicy, StepDefinition } from "../engine/values/definition.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";
import { writeDuration } from "./durations.ts";
import { writeShortSchema } from "./short-schema.ts";
import {
  type Form,
  keysBeside,
  kindsOf,
  type ShortKey,
  STEP_KINDS,
  TEXT_FIELDS,
  type TextField,
} from "./step-keys.ts";

/** What is written: keys in their order. Maps keep the order of keys that look like numbers. */
export type Written = Json | Map<string, Written> | Written[];

/** A step with its first keys; those of its paths follow. */
export interface WrittenStep {
  readonly kind: string;
  readonly keys: Map<string, Written>;
}

/** What of a step is not written yet. */
interface Rest {
  readonly texts: Map<TextField, string>;
  readonly config: Map<string, Json>;
}

/** The keys of a step in the order in which people read them. */
export function writeStep(step: StepDefinition): WrittenStep {
  const rest = restOf(step);
  const kind = kindOf(step);
  const keys = new Map<string, Written>();
  if (step.name !== "") keys.set("name", step.name);
  rest.texts.delete("name");
  writeKind(kind, rest, keys);
  const own = kind === "agent" ? STEP_KINDS.capability?.own : undefined;
  for (const short of [...(own === undefined ? [] : [own]), ...keysBeside(kind)]) {
    writeShort(short, rest, keys);
  }
  if (kind === "approve" || kind === "check") writeEscalate(rest, keys);
  if (step.timeoutSeconds !== 0) keys.set("timeout", writeDuration(step.timeoutSeconds));
  const action = take(rest, "timeout_action");
  if (action !== undefined) keys.set("on_timeout", action);
  if (step.retryPolicy !== undefined) keys.set("retry", writeRetry(step.retryPolicy));
  writeOnError(rest, keys);
  writeRest(step, rest, keys);
  return { kind, keys };
}

function restOf(step: StepDefinition): Rest {
  const texts = new Map<TextField, string>();
  for (const [name, field] of Object.entries(TEXT_FIELDS) as [TextField, keyof StepDefinition][]) {
    const text = step[field];
    if (typeof text === "string" && text !== "") texts.set(name, text);
  }
  return { texts, config: new Map(Object.entries(step.config)) };
}

function take({ config }: Rest, key: string): Json | undefined {
  const value = config.get(key);
  config.delete(key);
  return value;
}

function kindOf(step: StepDefinition): string {
  if (step.stepType === "UNSPECIFIED") return "agent";
  const [first = "agent", ...others] = kindsOf(step.stepType);
  if (others.length === 0) return first;
  if (isJsonObject(ownValue(step.config, "workflow"))) return "run";
  if (Object.hasOwn(step.config, "queue")) return "queue";
  return step.agentId === "" && step.requiredCapability !== "" ? "capability" : "agent";
}

/** The key that says what the step does. */
function writeKind(kind: string, rest: Rest, keys: Map<string, Written>): void {
  const own = STEP_KINDS[kind]?.own;
  if (own !== undefined) {
    keys.set(kind, null);
    writeShort(own, rest, keys);
  } else if (kind === "run") writeRun(rest, keys);
  else if (kind === "wait") keys.set(kind, writeWait(rest));
  else if (kind === "branch") keys.set(kind, takeText(rest, "condition_expr") ?? null);
  else keys.set(kind, null);
}

function takeText({ texts }: Rest, name: TextField): string | undefined {
  const text = texts.get(name);
  texts.delete(name);
  return text;
}

/** A value whose short form says another thing stays where it is. */
function writeShort(short: ShortKey, rest: Rest, keys: Map<string, Written>): void {
  if ("field" in short) {
    const text = takeText(rest, short.field);
    if (text !== undefined) keys.set(short.key, text);
    return;
  }
  const value = rest.config.get(short.config);
  const written = value === undefined ? undefined : writeForm(short.form, value);
  // A kind's key without a value says nothing of `config`.
  if (written === undefined || (written === null && Object.hasOwn(STEP_KINDS, short.key))) return;
  rest.config.delete(short.config);
  keys.set(short.key, written);
}

/** A value in its form; undefined where that would be read as another value. */
function writeForm(form: Form, value: Json): Json | undefined {
  if (form === "schema") return writeShortSchema(value);
  if (form === "texts") return typeof value === "string" ? undefined : value;
  if (form === "plain") return value;
  if (typeof value === "number") return writeDuration(value);
  return typeof value === "string" && value.includes("{{") ? value : undefined;
}

function writeRun(rest: Rest, keys: Map<string, Written>): void {
  const workflow = take(rest, "workflow");
  if (!isJsonObject(workflow)) return;
  const { name, for_each, max_parallel, required, repeat_while, ...others } = workflow;
  const isPlain = typeof name === "string" && Object.keys(others).length === 0;
  const names: JsonObject = {
    ...(name === undefined ? {} : { workflow: name }),
    ...renamed(others),
  };
  keys.set("run", isPlain ? name : names);
  for (const [key, value] of Object.entries({ for_each, max_parallel, required, repeat_while })) {
    if (value !== undefined) keys.set(key, value);
  }
}

function renamed({ definition_id, ...others }: JsonObject): JsonObject {
  return { ...(definition_id === undefined ? {} : { id: definition_id }), ...others };
}

function writeWait(rest: Rest): Written {
  const delay = rest.config.get("delay_seconds");
  const written = delay === undefined ? undefined : writeForm("duration", delay);
  if (written !== undefined) {
    rest.config.delete("delay_seconds");
    return written;
  }
  const wait = new Map<string, Written>();
  const put = (key: string, value: Json | undefined) => {
    if (value !== undefined) wait.set(key, value);
  };
  put("event", takeText(rest, "event_type_pattern"));
  put("subject", takeText(rest, "event_subject_pattern"));
  put("until", take(rest, "until"));
  if (typeof rest.config.get("filter_expr") === "string") put("when", take(rest, "filter_expr"));
  const lookback = rest.config.get("lookback_seconds");
  const lookbackText = lookback === undefined ? undefined : writeForm("duration", lookback);
  if (lookbackText !== undefined) {
    rest.config.delete("lookback_seconds");
    put("lookback", lookbackText);
  }
  return wait;
}

function writeEscalate(rest: Rest, keys: Map<string, Written>): void {
  const escalate = new Map<string, Written>();
  const after = rest.config.get("escalate_after_seconds");
  const written = after === undefined ? undefined : writeForm("duration", after);
  if (written !== undefined) {
    rest.config.delete("escalate_after_seconds");
    escalate.set("after", written);
  }
  const to = rest.config.get("escalate_to");
  if (to !== undefined && typeof to !== "string") {
    rest.config.delete("escalate_to");
    escalate.set("to", to);
  }
  if (escalate.size > 0) keys.set("escalate", escalate);
}

function writeOnError(rest: Rest, keys: Map<string, Written>): void {
  const fallback = rest.config.get("fallback_output");
  const onError = take(rest, "on_error");
  if (onError === "fallback" && fallback !== undefined) {
    rest.config.delete("fallback_output");
    keys.set("on_error", { fallback });
  } else if (onError !== undefined && !isJsonObject(onError)) keys.set("on_error", onError);
  else if (onError !== undefined) rest.config.set("on_error", onError);
}

/** `max`, `backoff` and `factor`, where they are not 0. */
export function writeRetry({
  maxRetries,
  backoffSeconds,
  backoffMultiplier,
}: RetryPolicy): Written {
  const retry: JsonObject = {};
  if (maxRetries !== 0) retry.max = maxRetries;
  if (backoffSeconds !== 0) retry.backoff = writeDuration(backoffSeconds);
  if (backoffMultiplier !== 0) retry.factor = backoffMultiplier;
  return retry;
}

function writeRest(
  step: StepDefinition,
  { config, texts }: Rest,
  keys: Map<string, Written>,
): void {
  // A parameter keeps its name; a key of the contract without a short key too.
  if (config.size > 0) keys.set("config", new Map<string, Written>(config));
  else if (step.emptyConfig === true) keys.set("config", {});
  if (texts.size > 0) keys.set("fields", new Map<string, Written>(texts));
}
