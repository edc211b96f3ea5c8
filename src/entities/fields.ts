/** Which fields a call may have. Boundary: names; values are judged where they are used. */
import { nearest } from "../file/faults.ts";
import { isObject } from "./compile/json.ts";
import { refusedFields } from "./refusals.ts";

/** Refuses what is no object, and unknown fields by name with the nearest known one. `readOnly` fields are known and cannot be given. */
export function requireFields(
  call: string,
  given: unknown,
  known: readonly string[],
  readOnly: readonly string[] = [],
): void {
  if (!isObject(given)) {
    throw refusedFields(call, [
      { field: "", description: `takes an object with ${known.join(", ")}` },
    ]);
  }
  const faults = Object.keys(given)
    .filter((field) => !known.includes(field))
    .map((field) => ({
      field,
      description: readOnly.includes(field)
        ? `is not among what can be given here: ${known.join(", ")}`
        : `is an unknown field${nearest(field, [...known, ...readOnly])}`,
    }));
  if (faults.length > 0) throw refusedFields(call, faults);
}

/** Refuses a value that is no id. */
export function requireId(call: string, id: unknown): asserts id is string {
  if (typeof id === "string" && id !== "") return;
  throw refusedFields(call, [
    { field: "$id", description: "must be the id of a workflow, a text" },
  ]);
}

/** Refuses the fields that are given and are no text; `clearable` ones may be null. */
export function requireTexts(
  call: string,
  given: object,
  fields: readonly string[],
  clearable: readonly string[] = [],
): void {
  const faults = fields
    .map((field) => [field, Reflect.get(given, field)] as const)
    .filter(
      ([field, value]) => !(value === null && clearable.includes(field)) && value !== undefined,
    )
    .filter(([, value]) => typeof value !== "string")
    .map(([field]) => ({ field, description: "must be a text" }));
  if (faults.length > 0) throw refusedFields(call, faults);
}
