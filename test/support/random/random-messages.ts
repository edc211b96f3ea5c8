/**
 * Messages of the bus that no sound service publishes: bytes of any kind, and sound events with something wrong.
 * Boundary: bytes and headers; what is sound is written-events.ts's and event-payloads.ts's.
 */
import fc, { type Arbitrary } from "fast-check";
import {
  allowance,
  approval,
  completedDelegation,
  completedObjective,
  ownData,
  type Payload,
  TAP_EVENT,
} from "../builders/event-payloads.ts";
import { ENCODINGS, encodingsFor, type WrittenEvent } from "../builders/written-events.ts";
import { breaks, broken } from "./written-requests.ts";

/** A message, and the role whose subject it comes on. */
export interface RandomMessage extends WrittenEvent {
  readonly role: string;
}

/** Ids that reports name, of things that exist. */
export interface Named {
  readonly runId: string;
  readonly stepId: string;
}

const ROLES = ["objectives", "approvals", "governance", "agents", "siphon", "crm"];
const MIB = 1024 * 1024;
const WRONG = [
  ...[null, true, 0, -1, 1e300, 7.5, "", "x", "a\u0000b", "\ud800", [], {}, [[]], [null, {}]],
  ...["x".repeat(3_000), "COMPLETED", "DECISION_TYPE_", ["__proto__"], { message: { a: 1 } }],
  JSON.parse('{"__proto__":{"state":"COMPLETED"},"constructor":1,"toString":null}'),
];
const HEADERS = [
  ...["ce-id", "ce-type", "ce-source", "ce-specversion", "ce-tenantid", "ce-time", "ce-subject"],
  ...["ce-dataschema", "ce-workflowhops", "ce-__proto__", "Content-Type", "content-encoding", "X"],
];
const HEADER_VALUES = [
  ...[
    "",
    "%",
    "%00",
    "%ff%fe",
    "%ED%A0%80",
    "0.3",
    "1.0",
    "application/json",
    "application/protobuf",
  ],
  ...[
    "application/cloudevents+json",
    "application/x-protobuf; messageType=",
    "a.v1.B",
    "-1",
    "1e9",
  ],
  ...["type.googleapis.com/objectives.v1.Objective", "google.protobuf.Any", "é", "x".repeat(3_000)],
];
const ATTRIBUTES = [
  ...["specversion", "id", "source", "type", "time", "subject", "tenantid", "workflowhops", "data"],
  ...["datacontenttype", "dataschema", "data_base64", "runid", "stepid", "__proto__", "toString"],
];

/** Whole bodies that are wrong in themselves. */
const BODIES = [
  "",
  "null",
  "[]",
  "{}",
  '{"specversion":"1.0"}',
  "{".repeat(10_000),
  `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
  `{"specversion":"1.0","id":"1","source":"x","type":"x","tenantid":"ws","data":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
  `{"specversion":"1.0","id":"\\u0000","source":"x","type":"x","tenantid":"ws","data":{"a":"\\u0000"}}`,
  `{"specversion":"1.0","id":"1","source":"x","type":"x","tenantid":"ws","data":{"__proto__":{"a":1}}}`,
  `{"specversion":"1.0","id":"1","source":"x","type":"x","tenantid":"ws","data":{"a":1e999,"a":2}}`,
].map((text) => Buffer.from(text));
const LARGE = ["x", '"', "{", "\u0000", '{"a":[]},'].map((part) =>
  Buffer.alloc(MIB - 4_096, Buffer.from(part)),
);

/** Sound data of every kind, about things that exist and things that do not. */
function payloadsAbout({ runId, stepId }: Named): readonly Payload[] {
  return [
    ...completedObjective("obj_none"),
    ...completedDelegation("del_none"),
    ...approval("apr_none"),
    ...allowance(runId, stepId),
    ...ownData({ amount: 7, nested: { list: [1] } }),
    TAP_EVENT,
  ];
}

function change(
  to: object,
  names: readonly string[],
  [at, value]: readonly [number, number],
): void {
  const name = names[at % names.length];
  if (name === undefined) return;
  const wrong = structuredClone(WRONG[value % WRONG.length]);
  Object.defineProperty(to, name, {
    ...{ value: wrong, enumerable: true, configurable: true, writable: true },
  });
}

/** A structured event with attributes, and fields of its data, of a wrong type. */
function spoilt(payload: Payload, made: readonly (readonly [number, number])[]): WrittenEvent {
  const data = structuredClone(payload.data.json);
  const attributes = { specversion: "1.0", id: "e", source: "x", type: "x", tenantid: "ws" };
  const event = { ...attributes, ...payload.extensions, data };
  for (const one of made) {
    const [at] = one;
    if (at % 3 === 0) change(event, ATTRIBUTES, one);
    else
      change(at % 3 === 1 || !isObject(data.payload) ? data : data.payload, Object.keys(data), one);
  }
  return { headers: {}, body: Buffer.from(JSON.stringify(event)) };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Messages, each about one of these or about nothing. */
export function messagesAbout(named: Named): Arbitrary<RandomMessage> {
  const role = fc.constantFrom(...ROLES);
  const payload = fc.constantFrom(...payloadsAbout(named));
  const headers = fc.dictionary(fc.constantFrom(...HEADERS), fc.constantFrom(...HEADER_VALUES), {
    maxKeys: 4,
  });
  const written = fc.tuple(payload, fc.nat(), fc.nat(1_000_000)).map(([of, at, id]) => {
    const encodings = encodingsFor(of.data);
    const encoding = encodings[at % encodings.length] ?? "structured JSON";
    const extensions = { extensions: of.extensions ?? {} };
    const event = { id: `e${id}`, type: "x.y", workspaceId: "ws", data: of.data, ...extensions };
    return ENCODINGS[encoding].write(event);
  });
  const changesOfFields = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 3 });
  const kinds = fc.oneof(
    { weight: 3, arbitrary: written.map((event) => event) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(written, breaks)
        .map(([event, made]) => ({ ...event, body: broken(event.body, made) })),
    },
    {
      weight: 5,
      arbitrary: fc
        .tuple(written, headers)
        .map(([event, more]) => ({ ...event, headers: { ...event.headers, ...more } })),
    },
    {
      weight: 8,
      arbitrary: fc.tuple(payload, changesOfFields).map(([of, made]) => spoilt(of, made)),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.uint8Array({ maxLength: 300 }), headers)
        .map(([body, more]) => ({ headers: more, body })),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom(...BODIES), headers)
        .map(([body, more]) => ({ headers: more, body })),
    },
    { weight: 1, arbitrary: fc.constantFrom(...LARGE).map((body) => ({ headers: {}, body })) },
  );
  return fc.tuple(role, kinds).map(([of, event]) => ({ role: of, ...event }));
}
