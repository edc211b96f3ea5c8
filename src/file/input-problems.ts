/**
 * What is plainly wrong with an input by its schema, where no validator is at hand: a field that is missing, or of another type.
 * Boundary: the words that the short form of a schema has. The service judges by the whole schema (ingress/rpc/input-schema.ts).
 */
import type { GraphFault } from "../engine/graph/graph.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";

/** The problems, by field path below `input`; none for what the words do not say. */
export function findInputProblems(schema: Json | undefined, input: JsonObject): GraphFault[] {
  if (!isJsonObject(schema)) return [];
  const required = ownValue(schema, "required");
  const properties = ownValue(schema, "properties");
  const faults: GraphFault[] = [];
  for (const name of Array.isArray(required) ? required : []) {
    if (typeof name !== "string" || Object.hasOwn(input, name)) continue;
    faults.push({ field: "input", description: `must have required property '${name}'` });
  }
  if (!isJsonObject(properties)) return faults;
  for (const [name, property] of Object.entries(properties)) {
    const value = ownValue(input, name);
    const type = isJsonObject(property) ? ownValue(property, "type") : undefined;
    if (value === undefined || typeof type !== "string" || isOfType(value, type)) continue;
    faults.push({ field: `input.${name}`, description: `must be ${type}` });
  }
  return faults;
}

function isOfType(value: Json, type: string): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJsonObject(value);
    default:
      return typeof value === type;
  }
}
