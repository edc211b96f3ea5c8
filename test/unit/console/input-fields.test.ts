/** The start form: an input that it cannot hold is edited as JSON, so that nothing of it is lost. */
import { expect, it } from "vitest";
import {
  canHold,
  fieldsOf,
  inputOf,
  typedOf,
} from "../../../console/src/parts/workflows/input-fields.ts";

const fields =
  fieldsOf({
    type: "object",
    properties: { name: { type: "string" }, days: { type: "integer" } },
  }) ?? [];

it.each([
  [{ name: "Ada", days: 3 }, true],
  [{ days: 3 }, true],
  [{}, true],
  [{ name: "Ada", note: "by train" }, false],
])("can hold %j: %s", (input, wanted) => {
  expect(canHold(fields, input)).toBe(wanted);
  if (wanted) expect(inputOf(fields, typedOf(fields, input))).toEqual(input);
});
