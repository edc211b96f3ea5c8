/** `config.output_schema` of a HUMAN_TASK: the schema of its output. Boundary: reads; ingress applies it. */
import type { StepDefinition } from "../../values/definition.ts";
import { isJsonObject, type JsonObject, ownValue } from "../../values/json.ts";

/** The schema of a step's output; undefined for other types and without the setting. */
export function outputSchemaOf({ stepType, config }: StepDefinition): JsonObject | undefined {
  if (stepType !== "HUMAN_TASK") return undefined;
  const schema = ownValue(config, "output_schema");
  return isJsonObject(schema) ? schema : undefined;
}
