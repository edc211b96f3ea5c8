/**
 * The two files of a template → its value.
 * Boundary: the files are of this project, and a test reads all of them; a fault in one is a bug and throws.
 */
import { parse } from "yaml";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";
import { NEED_KINDS, type Template, type TemplateNeed, type TemplateScenario } from "./template.ts";

/** The template of `template.yaml` and `workflow.yaml`. */
export function readTemplate(description: string, source: string): Template {
  const value: Json = parse(description);
  if (!isJsonObject(value)) throw new Error("a template is a mapping");
  const id = textOf(value, "id");
  const properties = ownValue(value, "parameters");
  if (!isJsonObject(properties)) throw new Error(`template ${id} has no parameters`);
  return {
    ...{ id, version: numberOf(value, "version"), title: textOf(value, "title") },
    ...{ summary: textOf(value, "summary"), category: textOf(value, "category"), source },
    parameters: { type: "object", properties, additionalProperties: false },
    needs: needsOf(value),
    scenarios: listOf(value, "scenarios").map(scenarioOf),
  };
}

function needsOf(value: JsonObject): TemplateNeed[] {
  const needs = objectOf(value, "needs");
  return NEED_KINDS.flatMap((kind) => {
    const named = ownValue(needs, kind);
    if (!isJsonObject(named)) return [];
    return Object.entries(named).map(([name, purpose]) => ({
      ...{ kind, name, purpose: String(purpose) },
    }));
  });
}

function scenarioOf(value: Json): TemplateScenario {
  if (!isJsonObject(value)) throw new Error("a scenario is a mapping");
  const startsAt = ownValue(value, "starts_at");
  return {
    name: textOf(value, "name"),
    ...{ input: objectOf(value, "input"), mocks: objectOf(value, "mocks") },
    ...(typeof startsAt === "string" ? { startsAt } : {}),
    path: listOf(value, "path").map(String),
    outcome: textOf(value, "outcome") as TemplateScenario["outcome"],
  };
}

function textOf(value: JsonObject, key: string): string {
  const text = ownValue(value, key);
  if (typeof text === "string" && text !== "") return text;
  throw new Error(`a template or a scenario has no ${key}`);
}

function numberOf(value: JsonObject, key: string): number {
  const number = ownValue(value, key);
  if (typeof number === "number") return number;
  throw new Error(`a template has no ${key}`);
}

function objectOf(value: JsonObject, key: string): JsonObject {
  const object = ownValue(value, key);
  if (isJsonObject(object)) return object;
  throw new Error(`a template or a scenario has no ${key}`);
}

function listOf(value: JsonObject, key: string): Json[] {
  const list = ownValue(value, key);
  if (Array.isArray(list)) return list;
  throw new Error(`a template or a scenario has no ${key}`);
}
