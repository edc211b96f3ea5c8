/**
 * `config.workflow`: which definition a step starts, with which input, and how often.
 * Boundary: keys and forms. Whether the definition exists and may start is known when the step starts.
 */

import { type AddFault, quoted } from "../../graph/faults.ts";
import { unknownKeyProblem } from "../../graph/key-hints.ts";
import { MAX_CHILDREN } from "../../values/child-run.ts";
import type { StepDefinition } from "../../values/definition.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../values/json.ts";
import { AGENT_ACTION_KEYS } from "../agent-action/keys.ts";
import { WORKFLOW_KEYS, workflowOf } from "./setting.ts";

const MAX_VERSION = 2_147_483_647;
const MOST_UNKNOWN_KEYS = 50;

/** Reports what is wrong with the value; `path` is `steps[3].config.workflow`. */
export function checkWorkflow(value: Json, path: string, addFault: AddFault): void {
  if (!isJsonObject(value)) {
    addFault(path, "must be an object");
    return;
  }
  checkKeys(value, path, addFault);
  checkTarget(value, path, addFault);
  const input = ownValue(value, "input");
  if (input !== undefined && !isJsonObject(input)) addFault(`${path}.input`, "must be an object");
  checkForEach(value, path, addFault);
  checkRepeat(value, path, addFault);
}

/** Reports keys of the setting beside it, where they have no effect; `path` is `steps[3]`. */
export function checkBesideWorkflow(step: StepDefinition, path: string, addFault: AddFault): void {
  if (workflowOf(step) === undefined) return;
  for (const key of WORKFLOW_KEYS) {
    if (ownValue(step.config, key) === undefined) continue;
    if (Object.hasOwn(AGENT_ACTION_KEYS, key)) continue;
    addFault(`${path}.config.${key}`, `${quoted(key)} is a key of workflow: move it into workflow`);
  }
}

function checkKeys(workflow: JsonObject, path: string, addFault: AddFault): void {
  const known: readonly string[] = WORKFLOW_KEYS;
  const unknown = Object.keys(workflow).filter((key) => !known.includes(key));
  for (const key of unknown.slice(0, MOST_UNKNOWN_KEYS)) {
    addFault(`${path}.${key}`, unknownKeyProblem(key, "workflow", known));
  }
  if (unknown.length > MOST_UNKNOWN_KEYS) {
    addFault(path, `has more than ${MOST_UNKNOWN_KEYS} unknown keys`);
  }
}

function checkTarget(workflow: JsonObject, path: string, addFault: AddFault): void {
  const named = ["definition_id", "name"].filter((key) => ownValue(workflow, key) !== undefined);
  for (const key of named) {
    const value = ownValue(workflow, key);
    if (typeof value !== "string" || value === "") {
      addFault(`${path}.${key}`, "must be a text that is not empty");
    }
  }
  if (named.length !== 1) {
    addFault(
      `${path}.${named[1] ?? "definition_id"}`,
      "a workflow is named by exactly one of definition_id, name",
    );
  }
  const version = ownValue(workflow, "version");
  if (version === undefined || (typeof version === "string" && version.includes("{{"))) return;
  if (!isWholeNumber(version, 0, MAX_VERSION)) {
    addFault(`${path}.version`, "must be the number of a version, or 0 for the latest");
  }
}

function checkForEach(workflow: JsonObject, path: string, addFault: AddFault): void {
  const forEach = ownValue(workflow, "for_each");
  if (forEach !== undefined && (typeof forEach !== "string" || forEach.trim() === "")) {
    addFault(`${path}.for_each`, "must be a text: an expression that gives a list");
  }
  for (const key of ["max_parallel", "required"]) {
    const value = ownValue(workflow, key);
    if (value === undefined) continue;
    if (!isWholeNumber(value, 1, MAX_CHILDREN)) {
      addFault(`${path}.${key}`, `must be a whole number from 1 to ${MAX_CHILDREN}`);
    }
    if (forEach === undefined) addFault(`${path}.${key}`, "only a workflow with for_each has it");
  }
}

function checkRepeat(workflow: JsonObject, path: string, addFault: AddFault): void {
  const repeatWhile = ownValue(workflow, "repeat_while");
  if (repeatWhile === undefined) return;
  if (typeof repeatWhile !== "string" || repeatWhile.trim() === "") {
    addFault(`${path}.repeat_while`, "must be a text: an expression over the output of a round");
  }
  if (ownValue(workflow, "for_each") !== undefined) {
    addFault(`${path}.repeat_while`, "stands beside for_each: a step repeats, or has a list");
  }
}

function isWholeNumber(value: Json, least: number, most: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
