/** Messages with payloads, as bytes and as JSON: what the library makes of them too, and the keys that it loses. */
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Health } from "../../../../gen/grpc/health/v1/health_pb.ts";
import { Inbox } from "../../../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../../../gen/workflows/ops/v1/runs_pb.ts";
import { System } from "../../../../gen/workflows/ops/v1/system_pb.ts";
import { Workflows } from "../../../../gen/workflows/ops/v1/workflows_pb.ts";
import {
  GetRunResponseSchema,
  PublishVersionRequestSchema,
  StartRunRequestSchema,
  StepRunSchema,
  WorkflowService,
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
    expect(messageFromJson(GetRunResponseSchema, json)).toEqual(message);
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

  it("writes numbers that JSON cannot hold", () => {
    for (const totalCostUsd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const bytes = encodeMessage(
        GetRunResponseSchema,
        create(GetRunResponseSchema, { run: { totalCostUsd } }),
      );
      expect(decodeMessage(GetRunResponseSchema, bytes).run?.totalCostUsd).toBe(totalCostUsd);
    }
  });

  it("takes both names of a field, and null as unset", () => {
    const steps = [
      { id: "a", config: { x: 1 } },
      { id: "b", config: null },
    ];
    const json = { definition_id: "d", steps };
    expect(messageFromJson(PublishVersionRequestSchema, json)).toEqual(
      fromJson(PublishVersionRequestSchema, json),
    );
    const snake = { input_payload: { x: 1 } };
    expect(messageFromJson(StartRunRequestSchema, snake).inputPayload).toEqual({ x: 1 });
  });

  it.each(["x", 1, true, [], "MA=="])("refuses %j in the place of a payload", (inputPayload) => {
    expect(() => messageFromJson(StartRunRequestSchema, { inputPayload })).toThrow(/cannot decode/);
  });

  it("leaves the message as it was, also one that cannot be written", () => {
    const step = create(StepRunSchema, { outputPayload: { n: 1 } });
    const message = create(GetRunResponseSchema, { run: { ...run, steps: [step, step] } });
    const before = structuredClone(message);
    encodeMessage(GetRunResponseSchema, message);
    expect(message).toEqual(before);
    step.startedAt = timestampFromMs(-1e15);
    expect(() => messageToJson(GetRunResponseSchema, message)).toThrow();
    expect(message.run?.steps[0]?.outputPayload).toEqual({ n: 1 });
    expect(message.run?.inputPayload).toEqual(run.inputPayload);
  });

  it("leaves unset what is unset", () => {
    expect(decodeMessage(StartRunRequestSchema, new Uint8Array()).inputPayload).toBeUndefined();
    const bare = create(StartRunRequestSchema);
    expect(messageToJson(StartRunRequestSchema, bare)).toEqual({});
    expect(encodeMessage(StartRunRequestSchema, bare)).toHaveLength(0);
  });
});

/** Of every kind of field a value that is hard to encode. A new kind fails here until bytes.ts has it. */
function someValue({ scalar, enum: desc, message, name }: DescField): unknown {
  if (message?.typeName === "google.protobuf.Struct") return { n: -1.5, l: [null, true, "é"] };
  if (message?.typeName === "google.protobuf.Timestamp") return timestampFromMs(-1_120);
  if (message !== undefined) return filled(message);
  if (desc !== undefined) return desc.values.at(-1)?.number;
  const values = new Map<ScalarType | undefined, unknown>([
    [ScalarType.STRING, `é${name}`],
    [ScalarType.BOOL, true],
    [ScalarType.INT32, -3],
    [ScalarType.INT64, -5_000_000_000n],
    [ScalarType.DOUBLE, -0.1],
    [ScalarType.FLOAT, 1.5],
  ]);
  if (!values.has(scalar)) throw new Error(`no value for ${name}`);
  return values.get(scalar);
}

function filled(desc: DescMessage): Message {
  const message = create(desc);
  for (const field of desc.fields) {
    const value = someValue(field);
    const values = { list: [value, value], map: { b: value, a: value } };
    const { fieldKind } = field;
    const isMany = fieldKind === "list" || fieldKind === "map";
    Reflect.set(message, field.localName, isMany ? values[fieldKind] : value);
  }
  return message;
}

const RPCS = [WorkflowService, Runs, Inbox, System, Workflows, Health].flatMap(({ methods }) =>
  methods.filter(({ methodKind }) => methodKind === "unary"),
);
const MESSAGES = new Map(
  RPCS.flatMap(({ input, output }) => [input, output]).map((desc) => [desc.typeName, desc]),
);

describe.each([...MESSAGES.values()])("every field of $typeName", (desc) => {
  it("is encoded as by the library, and read back", () => {
    const message = filled(desc);
    const bytes = encodeMessage(desc, message);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(toBinary(desc, message)));
    expect(decodeMessage(desc, bytes)).toEqual(message);
    const json = messageToJson(desc, message);
    expect(JSON.stringify(json)).toBe(JSON.stringify(toJson(desc, message)));
    expect(messageFromJson(desc, json)).toEqual(message);
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
    const read = messageFromJson(StartRunRequestSchema, json);
    expect(textOf(read.inputPayload)).toBe(textOf(OWN_PROTO));
  });
});
