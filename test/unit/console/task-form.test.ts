/** Forms from JSON Schemas: their fields, the objects that they make, and those that they can hold. */
import { expect, it } from "vitest";
import {
  canHold,
  fieldNamed,
  fieldsOf,
  filledFrom,
  resultOf,
} from "../../../console/src/parts/forms/form-model.ts";

const SCHEMA = {
  type: "object",
  required: ["ok", "amount"],
  properties: {
    ok: { type: "boolean", title: "In order?" },
    amount: { type: "number", description: "In USD" },
    count: { type: "integer" },
    kind: { enum: ["a", 3, null] },
    note: { type: "string", maxLength: 2_000 },
    name: { type: "string", default: "Sam" },
    on: { type: "string", format: "date" },
    tags: { type: "array", items: { type: "string" } },
    more: { type: "object" },
    __proto__x: { type: "string" },
  },
};

function fields() {
  const found = fieldsOf(SCHEMA);
  if (found === undefined) throw new Error("the schema has fields");
  return found;
}

it("has a field for each property, of the kind that fits its type", () => {
  expect(fields().map(({ name, kind }) => [name, kind])).toEqual([
    ["ok", "flag"],
    ["amount", "number"],
    ["count", "number"],
    ["kind", "choice"],
    ["note", "long"],
    ["name", "text"],
    ["on", "date"],
    ["tags", "lines"],
    ["more", "json"],
    ["__proto__x", "text"],
  ]);
  expect(fieldsOf(undefined)).toBeUndefined();
  expect(fieldsOf({ type: "string" })).toBeUndefined();
});

it("makes the object that was filled in, without what was left empty", () => {
  const filled = {
    ...{ ok: "false", amount: "12.5", count: "3", kind: "3", tags: "a\n\nb" },
    ...{ more: '{"x": [1]}', on: "2026-11-30", note: " " },
  };
  const { output, faults } = resultOf(fields(), filled);
  expect([...faults]).toEqual([]);
  expect(output).toEqual({
    ...{ ok: false, amount: 12.5, count: 3, kind: 3, name: "Sam", on: "2026-11-30" },
    ...{ tags: ["a", "b"], more: { x: [1] } },
  });
});

it("says what is missing and what does not fit, by field", () => {
  const { faults } = resultOf(fields(), { amount: "much", count: "1.5", more: "{", kind: "b" });
  expect([...faults.keys()]).toEqual(["ok", "amount", "count", "kind", "more"]);
  expect(faults.get("count")).toBe("A whole number");
});

it("makes an own property of a name that every object has", () => {
  const properties = Object.fromEntries([["__proto__", { type: "string" }]]);
  const named = fieldsOf({ properties }) ?? [];
  const { output } = resultOf(named, Object.fromEntries([["__proto__", "x"]]));
  expect(Object.getOwnPropertyDescriptor(output, "__proto__")?.value).toBe("x");
});

it("finds the field that a fault of the service is about", () => {
  expect(fieldNamed(fields(), "output_payload.tags[1]")).toBe("tags");
  expect(fieldNamed(fields(), "output_payload")).toBeUndefined();
  expect(fieldNamed(fields(), "reason")).toBeUndefined();
});

it.each([
  [{ name: "Ada", count: 3, tags: ["a", "b"], more: { x: [null] } }, true],
  [{ count: 3 }, true],
  [{}, true],
  [{ name: "Ada", travel: "by train" }, false],
  [{ count: "three" }, false],
  [{ name: null }, false],
  [{ tags: ["a", ""] }, false],
])("says of %j whether the fields can hold all of it: %s", (object, isHeld) => {
  expect(canHold(fields(), object)).toBe(isHeld);
  if (!isHeld) return;
  const { output } = resultOf(fields(), filledFrom(fields(), object));
  expect(output).toEqual({ name: "Sam", ...object });
});
