/** Messages with payloads, as bytes and as JSON: what the library makes of them too, and the keys that it loses. */
import {
  create,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  GetRunResponseSchema,
  PublishVersionRequestSchema,
  StartRunRequestSchema,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import {
  decodeMessage,
  encodeMessage,
  messageFromJson,
  messageToJson,
} from "../../../../src/wire/proto/messages.ts";

const SAMPLES = 300;
const OWN_PROTO: JsonObject = JSON.parse(
  '{"a":1,"__proto__":{"constructor":[null,{"__proto__":"x"}],"toString":true}}',
);
const run = {
  id: "wfr_1",
  inputPayload: { a: [1.5, null, "é😀", { b: false }], empty: {} },
  steps: [{ stepId: "a", outputPayload: { n: -0.1 } }, { stepId: "b" }],
};

/** Payloads without the one key that the library loses. */
const payload = fc
  .dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue())
  .map((value): JsonObject => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")));

describe("as the library does", () => {
  it("encodes and decodes messages", () => {
    const message = create(GetRunResponseSchema, { run });
    const bytes = encodeMessage(GetRunResponseSchema, message);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(toBinary(GetRunResponseSchema, message)));
    expect(decodeMessage(GetRunResponseSchema, bytes)).toEqual(
      fromBinary(GetRunResponseSchema, bytes),
    );
    const json = toJson(GetRunResponseSchema, message);
    expect(messageToJson(GetRunResponseSchema, message)).toEqual(json);
    expect(messageFromJson(GetRunResponseSchema, json, {})).toEqual(message);
  });

  it("reads and writes any payload", () => {
    fc.assert(
      fc.property(payload, (inputPayload) => {
        const message = create(StartRunRequestSchema, { definitionId: "d", inputPayload });
        const bytes = toBinary(StartRunRequestSchema, message);
        expect(decodeMessage(StartRunRequestSchema, bytes)).toEqual(message);
        expect(
          fromBinary(StartRunRequestSchema, encodeMessage(StartRunRequestSchema, message)),
        ).toEqual(fromBinary(StartRunRequestSchema, bytes));
      }),
      { numRuns: SAMPLES },
    );
  });

  it("takes both names of a field, and null as unset", () => {
    const steps = [
      { id: "a", config: { x: 1 } },
      { id: "b", config: null },
    ];
    const json = { definition_id: "d", steps };
    expect(messageFromJson(PublishVersionRequestSchema, json, {})).toEqual(
      fromJson(PublishVersionRequestSchema, json),
    );
    const snake = { input_payload: { x: 1 } };
    expect(messageFromJson(StartRunRequestSchema, snake, {}).inputPayload).toEqual({ x: 1 });
  });

  it.each(["x", 1, true, [], "MA=="])("refuses %j in the place of a payload", (inputPayload) => {
    expect(() => messageFromJson(StartRunRequestSchema, { inputPayload }, {})).toThrow(
      /cannot decode/,
    );
  });

  it("leaves unset what is unset", () => {
    expect(decodeMessage(StartRunRequestSchema, new Uint8Array()).inputPayload).toBeUndefined();
    const bare = create(StartRunRequestSchema, {});
    expect(messageToJson(StartRunRequestSchema, bare)).toEqual({});
    expect(encodeMessage(StartRunRequestSchema, bare)).toHaveLength(0);
  });
});

describe("a key __proto__", () => {
  const message = () => create(StartRunRequestSchema, { inputPayload: OWN_PROTO });
  const textOf = (value: object | undefined) => JSON.stringify(value);

  it("survives bytes", () => {
    const read = decodeMessage(
      StartRunRequestSchema,
      encodeMessage(StartRunRequestSchema, message()),
    );
    expect(textOf(read.inputPayload)).toBe(textOf(OWN_PROTO));
  });

  it("survives JSON", () => {
    const json = messageToJson(StartRunRequestSchema, message());
    const read = messageFromJson(StartRunRequestSchema, json, {});
    expect(textOf(read.inputPayload)).toBe(textOf(OWN_PROTO));
  });
});
