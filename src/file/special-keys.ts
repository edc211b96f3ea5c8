/**
 * Keys of a step that are more than another name: `run`, `wait`, `branch`, `escalate`, `on_error`.
 * Boundary: fills `config` and two fields of a step; edges are made in paths.ts.
 */
import { type JsonObject, putValue } from "../engine/values/json.ts";
import { type Entry, type FileNode, findEntry, isNull, type MappingNode, toJson } from "./nodes.ts";
import {
  type Reading,
  readConfigValue,
  readExpressionText,
  readKnown,
  readText,
} from "./read-values.ts";
import type { Form, TextField } from "./step-keys.ts";

/** A step that is being read. */
export interface StepInMaking extends Reading {
  /** `steps[3]` */
  readonly field: string;
  readonly node: MappingNode;
  readonly config: JsonObject;
  readonly texts: Map<TextField, string>;
}

/** Keys beside a kind that are read here. */
export const SPECIAL_BESIDE: Readonly<Record<string, readonly string[]>> = {
  run: ["for_each", "max_parallel", "required", "repeat_while"],
  branch: ["then", "else"],
  approve: ["escalate"],
  check: ["escalate"],
};

/** Puts a value into `config`, with its place. */
export function putConfig(step: StepInMaking, key: string, node: FileNode, form: Form): void {
  putValue(step.config, key, readConfigValue(node, form, step.faults));
  step.places.set(`${step.field}.config.${key}`, node);
}

/** `run: name`, or `run: { workflow, id, version, input }`, with `for_each`, `repeat_while` and the like beside it. */
export function readRun(step: StepInMaking, run: FileNode): void {
  const workflow: JsonObject = {};
  const field = `${step.field}.config.workflow`;
  const put = (key: string, { value }: { readonly value: FileNode }) => {
    putValue(workflow, key, toJson(value));
    step.places.set(`${field}.${key}`, value);
  };
  step.places.set(field, run);
  if (run.kind === "scalar") put("name", { value: run });
  else {
    const names: Readonly<Record<string, string>> = { workflow: "name", id: "definition_id" };
    const known = ["workflow", "id", "version", "input"];
    for (const entry of readKnown(run, "run", known, step.faults)) {
      put(names[entry.key] ?? entry.key, entry);
    }
  }
  for (const key of SPECIAL_BESIDE.run ?? []) {
    const entry = findEntry(step.node, key);
    if (entry !== undefined) put(key, entry);
  }
  putValue(step.config, "workflow", workflow);
}

/** `wait: 15m`, `wait: { until }` or `wait: { event, subject, when, lookback }`. */
export function readWait(step: StepInMaking, wait: FileNode): void {
  const { texts, places, field, faults } = step;
  if (wait.kind === "scalar") {
    putConfig(step, "delay_seconds", wait, "duration");
    return;
  }
  const known = ["until", "event", "subject", "when", "lookback"];
  for (const { key, value } of readKnown(wait, "wait", known, faults)) {
    if (key === "until") putConfig(step, "until", value, "plain");
    else if (key === "lookback") putConfig(step, "lookback_seconds", value, "duration");
    else if (key === "when") {
      putValue(step.config, "filter_expr", readExpressionText(value, faults));
      places.set(`${field}.config.filter_expr`, value);
    } else {
      const name = key === "event" ? "event_type_pattern" : "event_subject_pattern";
      texts.set(name, readText(value, faults));
      places.set(`${field}.${name}`, value);
    }
  }
}

/** `branch: expression`; a list is read with the paths. */
export function readBranch(step: StepInMaking, branch: FileNode): void {
  if (branch.kind === "list" || isNull(branch)) return;
  step.texts.set("condition_expr", readExpressionText(branch, step.faults));
  step.places.set(`${step.field}.condition_expr`, branch);
}

/** `escalate: { after, to }` */
export function readEscalate(step: StepInMaking, { value }: Entry): void {
  for (const entry of readKnown(value, "escalate", ["after", "to"], step.faults)) {
    if (entry.key === "after") putConfig(step, "escalate_after_seconds", entry.value, "duration");
    else putConfig(step, "escalate_to", entry.value, "texts");
  }
}

/** `on_error: stop`, or `on_error: { fallback: {…} }` */
export function readOnError(step: StepInMaking, { value }: Entry): void {
  if (value.kind !== "mapping") {
    putConfig(step, "on_error", value, "plain");
    return;
  }
  for (const entry of readKnown(value, "on_error", ["fallback"], step.faults)) {
    putValue(step.config, "on_error", "fallback");
    step.places.set(`${step.field}.config.on_error`, value);
    putConfig(step, "fallback_output", entry.value, "plain");
  }
}
