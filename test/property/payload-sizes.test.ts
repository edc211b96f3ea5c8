/** The sizes by which answers are bounded are those of the encodings. */
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StepRunSchema } from "../../gen/workflows/v1/workflows_pb.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/engine/values/json.ts";
import { fieldSizes, payloadSize, sizeOfFields } from "../../src/wire/payload-sizes.ts";

const payloads = fc
  .dictionary(
    fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("a", "b", "__proto__", "constructor")),
    fc.jsonValue({ maxDepth: 4 }),
  )
  .map(
    (value): JsonObject => Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(value)))),
  );

function encodedBytes(payload: JsonObject): number {
  const step = create(StepRunSchema, { outputPayload: payload });
  return Math.max(toBinary(StepRunSchema, step).length, Buffer.byteLength(JSON.stringify(payload)));
}

function merged(a: JsonObject, b: JsonObject): JsonObject {
  return { ...a, ...b };
}

describe("the size of a payload", () => {
  it("is never less than the larger encoding, and hardly more", () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const size = payloadSize(payload);
        const encoded = encodedBytes(payload);
        expect(size).toBeGreaterThanOrEqual(encoded);
        expect(size).toBeLessThanOrEqual(2 * encoded + 32);
      }),
      { numRuns: 500 },
    );
  });

  it("is the same from merged sizes as from the merged payload", () => {
    fc.assert(
      fc.property(payloads, payloads, (a, b) => {
        const sizes = merged(fieldSizes(a, "A"), fieldSizes(b, "B"));
        expect(sizeOfFields(sizes)).toBe(payloadSize(merged(a, b)));
      }),
      { numRuns: 500 },
    );
  });

  it("counts what stands below a field, and numbers by their eight bytes", () => {
    const zeros: Json[] = Array.from({ length: 1_000 }, () => 0);
    expect(payloadSize({ zeros })).toBeGreaterThan(11_000);
    const nested = { children: { left: fieldSizes({ zeros }, "L") } };
    expect(sizeOfFields(nested)).toBeGreaterThanOrEqual(
      payloadSize({ children: { left: { zeros } } }),
    );
  });

  it("of many fields is one sum under the name that is given", () => {
    const payload = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`f${at}`, at]));
    const sizes = fieldSizes(payload, "many");
    expect(Object.keys(sizes)).toEqual(["many"]);
    expect(isJsonObject(sizes) && sizeOfFields(sizes)).toBe(payloadSize(payload));
  });
});
