/**
 * Every fault of a version: what could not be read, the engine's check, and the schemas of outputs.
 * Boundary: pure but for ajv; also runs in the thread that reads source texts.
 */
import { checkVersionInPieces } from "../../engine/graph/check.ts";
import type { Pieces } from "../../engine/graph/parse-texts.ts";
import { outputSchemaOf } from "../../engine/steps/human-task/output-schema.ts";
import type { StepDefinition, VersionSpec } from "../../engine/values/definition.ts";
import type { FieldFault } from "../../process/refusal.ts";
import { findSchemaProblem } from "./output-schema.ts";

const TEXT_CHARS = 600;

/** The faults of the engine's check beside those of reading, without the ones that come of what could not be read. */
export function* checkedBeside(
  spec: VersionSpec,
  unread: readonly FieldFault[],
): Pieces<FieldFault[]> {
  const checked = yield* checkVersionInPieces(spec);
  const fields = new Set(unread.map(({ field }) => field));
  // Which fields a trigger has goes by its type.
  const hasType = !fields.has("trigger.trigger_type");
  const own = checked.filter(
    ({ field }) => !fields.has(field) && (hasType || !field.startsWith("trigger.")),
  );
  return [...unread, ...own];
}

/** A fault's text as an answer has it: names in a path may be as long as the file. */
export function shortText(text: string): string {
  return (text.length <= TEXT_CHARS ? text : `${text.slice(0, TEXT_CHARS - 1)}…`).toWellFormed();
}

/** Schemas that are not usable, one a piece: compiling the largest takes some tenth of a second. */
export function* schemaFaults(steps: readonly StepDefinition[]): Pieces<FieldFault[]> {
  const faults: FieldFault[] = [];
  for (const [index, step] of steps.entries()) {
    const schema = outputSchemaOf(step);
    if (schema === undefined) continue;
    const description = findSchemaProblem(schema);
    const field = `steps[${index}].config.output_schema`;
    if (description !== undefined) faults.push({ field, description });
    yield;
  }
  return faults;
}
