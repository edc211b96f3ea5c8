/** `config.output_schema` of a HUMAN_TASK: what its output must be. Boundary: reads; ingress compiles and checks it. */
import type { StepDefinition } from "../../values/definition.ts";
import { isJsonObject, type JsonObject, ownValue } from "../../values/json.ts";

/** The schema of a step's output; undefined of other types, and where config sets none. */
export function outputSchemaOf({ stepType, config }: StepDefinition): JsonObject | undefined {
  if (stepType !== "HUMAN_TASK") return undefined;
  const schema = ownValue(config, "output_schema");
  return isJsonObject(schema) ? schema : undefined;
}
