/**
 * A template with its parameters → a workflow file.
 * Boundary: whether the values fit their schema is checked before (ingress/rpc/templates.ts); they are texts, numbers and booleans.
 * Comments and order are kept.
 * Invariant: a value is put into the parsed document, so no value can end its text, add a key or make an expression.
 */
import { isMap, parseDocument, visit } from "yaml";
import type { GraphFault } from "../engine/graph/graph.ts";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../engine/values/json.ts";
import { nearest } from "../file/faults.ts";
import type { Template } from "./template.ts";

const PLACE = /\$\(([a-z][a-z0-9_]*)\)/g;
const WHOLE = /^\$\(([a-z][a-z0-9_]*)\)$/;

/** The values of all parameters: what is given, and the defaults of the others. */
export function valuesOf(template: Pick<Template, "parameters">, given: JsonObject): JsonObject {
  const defaults = Object.entries(propertiesOf(template)).map(([name, property]) => {
    const preset = isJsonObject(property) ? ownValue(property, "default") : undefined;
    return [name, preset ?? null];
  });
  return { ...Object.fromEntries(defaults), ...given };
}

/** What the schema does not say: parameters that there are not, and texts that would be expressions. */
export function parameterFaults(template: Template, given: JsonObject): GraphFault[] {
  const names = Object.keys(propertiesOf(template));
  return Object.entries(given).flatMap(([name, value]) => {
    const field = `parameters.${name}`;
    if (!names.includes(name)) {
      const known = nearest(name, names) || `; its parameters are ${names.join(", ")}`;
      return [
        { field, description: `template "${template.id}" has no parameter "${name}"${known}` },
      ];
    }
    if (!JSON.stringify(value).includes("{{")) return [];
    return [{ field, description: "must not hold {{, which would begin an expression" }];
  });
}

/** The names that stand for parameters in a text. */
export function namesIn(source: string): ReadonlySet<string> {
  return new Set([...source.matchAll(PLACE)].map(([, name = ""]) => name));
}

/** The file, under this name. A text that is no file stays as it is: whoever reads it says why. */
export function fillTemplate(
  { source }: Pick<Template, "source">,
  values: JsonObject,
  name: string,
): string {
  const document = parseDocument(source);
  if (document.errors.length > 0 || !isMap(document.contents)) return source;
  visit(document, {
    Scalar(role, node) {
      if (role === "key" || typeof node.value !== "string") return;
      const [, whole] = WHOLE.exec(node.value) ?? [];
      // A text that would be read as something else is written in quotes.
      if (whole !== undefined) node.value = ownValue(values, whole);
      else node.value = node.value.replaceAll(PLACE, (_, name: string) => textOf(values, name));
    },
  });
  document.set("workflow", name);
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** The parameters by their names. */
export function propertiesOf({ parameters }: Pick<Template, "parameters">): JsonObject {
  const properties = ownValue(parameters, "properties");
  return isJsonObject(properties) ? properties : {};
}

function textOf(values: JsonObject, name: string): string {
  const value: Json = ownValue(values, name) ?? "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
