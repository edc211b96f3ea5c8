/** Every encoding of every kind of data gives the same event, and bad bytes give their reason. */
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema, anyPack, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { type DecodedMessage, decodeBusMessage } from "../../../../src/wire/bus/events.ts";
import {
  allowance,
  approval,
  completedDelegation,
  completedObjective,
  ownData,
  type Payload,
  TAP_EVENT,
} from "../../../support/builders/event-payloads.ts";
import {
  anyOf,
  attributesOf,
  ENCODINGS,
  type EventData,
  type EventToWrite,
  encodingsFor,
  ensembleBytes,
  MESSAGES,
  type WrittenEvent,
} from "../../../support/builders/written-events.ts";

function eventOf(payload: Payload, fields: Partial<EventToWrite> = {}): EventToWrite {
  return {
    id: "e1",
    type: "crm.deal.won",
    subject: "deals/ä 7%",
    workspaceId: "ws",
    data: payload.data,
    extensions: { workflowhops: 3, ...payload.extensions },
    ...fields,
  };
}

function decode({ headers, body }: WrittenEvent, role = "objectives"): DecodedMessage {
  const lower = Object.entries(headers).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    value,
  ]);
  return decodeBusMessage({ subject: `${role}.x`, headers: new Map(lower), data: body });
}

function requireEvent(written: WrittenEvent, role?: string): BusEvent {
  const decoded = decode(written, role);
  if (decoded.ok !== true) throw new Error(JSON.stringify(decoded));
  return decoded.event;
}

function bare(body: Uint8Array | string): WrittenEvent {
  return { headers: {}, body: Buffer.from(body) };
}

const REPORTS = [
  {
    role: "objectives",
    payloads: completedObjective("obj-1"),
    report: { kind: "owner", report: { owner: "objective", id: "obj-1", state: "COMPLETED" } },
  },
  {
    role: "agents",
    payloads: completedDelegation("del-1"),
    report: {
      kind: "owner",
      report: { owner: "delegation", id: "del-1", state: "COMPLETED", output: { ok: 1 } },
    },
  },
  {
    role: "approvals",
    payloads: approval("req-1"),
    report: {
      kind: "approval",
      report: { requestId: "req-1", decision: "APPROVED", decidedBy: "ann" },
    },
  },
  {
    role: "governance",
    payloads: allowance("wfr_1", "check"),
    report: {
      kind: "governance",
      runId: "wfr_1",
      report: { stepId: "check", decision: "ALLOW", reasons: ["small"] },
    },
  },
];

const REPORT_CELLS = REPORTS.flatMap(({ role, payloads, report }) =>
  payloads.flatMap((payload) =>
    encodingsFor(payload.data).map((encoding) => ({
      role,
      name: payload.name,
      encoding,
      payload,
      report,
    })),
  ),
);

describe("a report", () => {
  it.each(REPORT_CELLS)("$role: $name as $encoding", ({ role, payload, encoding, report }) => {
    const event = requireEvent(ENCODINGS[encoding].write(eventOf(payload)), role);
    expect(event).toMatchObject({
      id: "e1",
      source: "https://crm.example/a b",
      type: "crm.deal.won",
      subject: "deals/ä 7%",
      time: "2026-01-02T03:04:05.678Z",
      workspaceId: "ws",
      hops: 3,
      report,
    });
    expect(event.data).not.toHaveProperty("@type");
  });

  it("of a typed message of another service says nothing", () => {
    const [, decision] = approval("obj-1");
    const [, delegation] = completedDelegation("obj-1");
    for (const payload of [decision, delegation]) {
      if (payload === undefined) throw new Error("no payload");
      for (const encoding of encodingsFor(payload.data)) {
        const event = requireEvent(ENCODINGS[encoding].write(eventOf(payload)), "objectives");
        expect(event.report).toBeUndefined();
      }
    }
  });

  it("of another service's message says nothing by its numbers either", () => {
    const data = { "@type": "x/agents.v1.DelegationRecord", id: "obj-1", status: 5 };
    const written = bare(JSON.stringify({ ...attributesOf(eventOf(TAP_EVENT)), data }));
    expect(requireEvent(written, "objectives").report).toBeUndefined();
    expect(requireEvent(written, "agents").report).toMatchObject({ report: { state: "FAILED" } });
  });

  it("that says two states at once is none, and is reported", () => {
    const data = { json: { id: "obj-1", state: "COMPLETED", status: "FAILED" } };
    const written = ENCODINGS["structured JSON"].write(eventOf({ name: "", data }));
    expect(decode(written, "objectives")).toMatchObject({
      ok: true,
      ignoredReport: "contradictory",
    });
    expect(requireEvent(written, "objectives").report).toBeUndefined();
    const agreed = { json: { id: "obj-1", state: "COMPLETED", status: "completed" } };
    const sound = ENCODINGS["structured JSON"].write(eventOf({ name: "", data: agreed }));
    expect(requireEvent(sound, "objectives").report).toBeDefined();
  });
});

describe("data", () => {
  const json = { stage: "won", n: 1.5, deep: { list: [1, "two", true, null, {}] }, ä: "ö" };

  it.each(
    ownData(json).flatMap((payload) =>
      encodingsFor(payload.data).map((encoding) => ({ name: payload.name, encoding, payload })),
    ),
  )("of one's own: $name as $encoding", ({ payload, encoding }) => {
    expect(requireEvent(ENCODINGS[encoding].write(eventOf(payload)), "crm").data).toEqual(json);
  });

  it.each(encodingsFor(TAP_EVENT.data))("of a tap event as %s", (encoding) => {
    const event = requireEvent(ENCODINGS[encoding].write(eventOf(TAP_EVENT)), "siphon");
    expect(event.data).toEqual(TAP_EVENT.data.json);
    expect(event.tap).toEqual({
      provider: "gmail",
      entityType: "message",
      entityId: "m1",
      action: "received",
    });
  });

  it.each(encodingsFor({ type: MESSAGES.change, json: {} }))("of a Change as %s", (encoding) => {
    const [payload] = completedObjective("obj-1");
    if (payload === undefined) throw new Error("no payload");
    const event = requireEvent(ENCODINGS[encoding].write(eventOf(payload)), "crm");
    expect(event.data).toEqual(payload.data.json);
    expect(event.actorAgentId).toBe("agent-1");
  });

  it.each(encodingsFor({ type: MESSAGES.request, json: {} }))("of a request as %s", (encoding) => {
    const data = {
      type: MESSAGES.request,
      json: { id: "req-1", action_payload: "eyJhIjoxfQ==", risk_level: "RISK_LEVEL_HIGH" },
    };
    const written = ENCODINGS[encoding].write(eventOf({ name: "", data }));
    const event = requireEvent(written, "approvals");
    expect(event.data).toEqual(data.json);
    expect(event.report).toBeUndefined();
  });

  it("keeps the key __proto__ and refuses what cannot be stored, in protobuf too", () => {
    const structOf = (key: string, value: Uint8Array) =>
      message(1, Buffer.concat([message(1, Buffer.from(key)), message(2, value)]));
    const text = (value: string) => message(3, Buffer.from(value));
    const read = (struct: Uint8Array) =>
      decode(bare(ensembleBytes(eventOf(TAP_EVENT), rawAny("google.protobuf.Struct", struct))));
    const sound = read(structOf("__proto__", text("x")));
    if (sound.ok !== true) throw new Error(sound.reason);
    expect(Object.entries(sound.event.data)).toEqual([["__proto__", "x"]]);
    expect(read(structOf("a", text("\u0000")))).toMatchObject({ reason: "bad_data" });
    expect(read(structOf("a\u0000", text("x")))).toMatchObject({ reason: "bad_data" });
    expect(read(structOf("a", message(3, Uint8Array.of(0xff))))).toMatchObject({
      reason: "bad_data",
    });
    const infinite = new BinaryWriter().tag(2, WireType.Bit64).double(Number.POSITIVE_INFINITY);
    expect(read(structOf("a", infinite.finish()))).toMatchObject({ reason: "bad_data" });
    expect(read(nestedStruct(64))).toMatchObject({ ok: true });
    for (const depth of [65, 99, 10_000]) {
      expect(read(nestedStruct(depth))).toMatchObject({ reason: "bad_data" });
    }
  });
});

describe("the tenant", () => {
  const data = (tenant: object): EventData => ({ type: MESSAGES.struct, json: { ...tenant } });

  it.each(encodingsFor(data({})))("of the envelope wins over the data's, as %s", (encoding) => {
    const tenantOf = (workspaceId: string, tenant: object) =>
      decode(
        ENCODINGS[encoding].write(eventOf({ name: "", data: data(tenant) }, { workspaceId })),
        "crm",
      );
    expect(tenantOf("ws", { tenant_id: "other" })).toMatchObject({ event: { workspaceId: "ws" } });
    expect(tenantOf("", { tenant_id: "t" })).toMatchObject({ event: { workspaceId: "t" } });
    expect(tenantOf("", { tenantid: "t" })).toMatchObject({ event: { workspaceId: "t" } });
    expect(tenantOf("", {})).toEqual({ ok: "ignored", reason: "no_tenant" });
  });

  it("may be an extension of the envelope", () => {
    const event = eventOf(TAP_EVENT, { workspaceId: "", extensions: { tenantid: "ext" } });
    for (const name of ["Ensemble protobuf", "Ensemble JSON, proto names"] as const) {
      expect(requireEvent(ENCODINGS[name].write(event)).workspaceId).toBe("ext");
    }
  });
});

describe("data of an unknown type", () => {
  const unknown = anyPack(StringValueSchema, create(StringValueSchema, { value: "x" }));
  const ignored = { ok: "ignored", reason: "unknown_type" };

  it("is passed over in protobuf", () => {
    const event = eventOf(TAP_EVENT);
    expect(decode(bare(ensembleBytes(event, unknown)))).toEqual(ignored);
    const any = Buffer.from(toBinary(AnySchema, unknown));
    const base64 = { datacontenttype: "application/protobuf", data_base64: any.toString("base64") };
    const structured = JSON.stringify({ ...attributesOf(event), ...base64 });
    expect(decode(bare(structured))).toEqual(ignored);
    const schema = { "ce-datacontenttype": "application/protobuf", "ce-dataschema": "x/a.v1.B" };
    const headers = { ...ENCODINGS["binary Any"].write(event).headers, ...schema };
    expect(decode({ headers, body: Uint8Array.of(8, 1) })).toEqual(ignored);
  });

  it("is the JSON that it is", () => {
    const marked = { "@type": "type.googleapis.com/a.v1.B", someField: 1 };
    const event = { ...attributesOf(eventOf(TAP_EVENT)), data: marked };
    expect(requireEvent(bare(JSON.stringify(event))).data).toEqual({ someField: 1 });
  });
});

describe("bytes that hold no event", () => {
  const event = eventOf(TAP_EVENT);
  const whole = ENCODINGS["Ensemble protobuf"].write(event).body;
  const reasonOf = (written: WrittenEvent) => {
    const decoded = decode(written);
    return decoded.ok === true ? "" : decoded.reason;
  };

  it("truncated anywhere they are put aside, and nothing throws", () => {
    for (let length = 0; length < whole.length; length++) {
      const decoded = decode(bare(whole.subarray(0, length)));
      // A cut between two fields leaves a whole message, which may lack its tenant or its data.
      if (decoded.ok === false) {
        expect(["not_protobuf", "not_json", "not_utf8", "missing_attribute"]).toContain(
          decoded.reason,
        );
      }
    }
    expect(reasonOf(bare(whole.subarray(0, whole.length - 1)))).toBe("not_protobuf");
    for (const name of ["structured, data_base64 message", "binary Any"] as const) {
      const { headers, body } = ENCODINGS[name].write(event);
      const cut = body.subarray(0, body.length - 3);
      expect(["bad_data", "not_json"]).toContain(reasonOf({ headers, body: cut }));
    }
  });

  it("with a fault inside the data alone have bad data", () => {
    const broken = rawAny("tap.v1.TapEventData", Uint8Array.of(0x0a, 0x05, 0x61));
    expect(reasonOf(bare(ensembleBytes(event, broken)))).toBe("bad_data");
    const nameless = create(AnySchema, { value: Uint8Array.of(1) });
    expect(reasonOf(bare(ensembleBytes(event, nameless)))).toBe("not_protobuf");
    const running = new BinaryWriter().tag(1, WireType.LengthDelimited).uint32(0xffffffff).finish();
    expect(reasonOf(bare(ensembleBytes(event, rawAny("tap.v1.TapEventData", running))))).toBe(
      "bad_data",
    );
  });

  it.each([
    ["a text as a number", "objectives.v1.Objective", [0x08, 0x00]],
    ["a number as a text", "objectives.v1.Objective", [0x3a, 0x01, 0x61]],
    [
      "a key that runs over its entry",
      "google.protobuf.Struct",
      [10, 3, 10, 5, 97, 98, 99, 100, 101],
    ],
    ["a time out of range", "tap.v1.TapEventData", [0x42, 6, 0x10, 0x80, 0x94, 0xeb, 0xdc, 0x03]],
    ["a text that is not UTF-8", "tap.v1.TapEventData", [0x0a, 0x01, 0xff]],
    ["a field with the number 0", "tap.v1.TapEventData", [0x02, 0x01, 0x61]],
    ["a group that does not end", "tap.v1.TapEventData", [0x7b, 0x08, 0x01]],
  ])("with %s in the data are put aside", (_what, typeName, value) => {
    const any = rawAny(typeName, Uint8Array.from(value));
    expect(reasonOf(bare(ensembleBytes(event, any)))).toBe("bad_data");
  });

  it("with unknown fields are read", () => {
    const more = Uint8Array.of(0x0a, 1, 0x67, 0x7b, 0x08, 1, 0x7c, 0xf8, 0x07, 1);
    const any = rawAny("tap.v1.TapEventData", more);
    expect(requireEvent(bare(ensembleBytes(event, any))).data).toEqual({ provider: "g" });
  });

  it("that lack an attribute or have another version say so", () => {
    expect(reasonOf(bare(ensembleBytes({ ...event, id: "" }, anyOf(event.data))))).toBe(
      "missing_attribute",
    );
    const other = JSON.stringify({ spec_version: "0.3", id: "e", source: "s", type: "t" });
    expect(reasonOf(bare(other))).toBe("bad_attribute");
    const { headers, body } = ENCODINGS["binary JSON"].write(event);
    const { "ce-type": _, ...rest } = { "ce-type": "", ...headers };
    expect(reasonOf({ headers: rest, body })).toBe("missing_attribute");
  });

  it("of another media type are of an unknown encoding", () => {
    const { headers, body } = ENCODINGS["binary JSON"].write(event);
    expect(reasonOf({ headers: { ...headers, "Content-Type": "image/png" }, body })).toBe(
      "unknown_encoding",
    );
  });
});

/** A field that has a length. */
function message(fieldNo: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(fieldNo, WireType.LengthDelimited).bytes(bytes).finish();
}

function rawAny(typeName: string, value: Uint8Array): Any {
  return create(AnySchema, { typeUrl: `type.googleapis.com/${typeName}`, value });
}

/** A Struct in a Struct, so many levels in all. Only heads are written, from the inside, so that depth costs no copies. */
function nestedStruct(depth: number): Uint8Array {
  const heads: Uint8Array[] = [];
  let sizeBytes = 0;
  const wrap = (fieldNo: number, before: Uint8Array = new Uint8Array()) => {
    const tag = new BinaryWriter().tag(fieldNo, WireType.LengthDelimited);
    const head = Buffer.concat([tag.uint32(sizeBytes + before.length).finish(), before]);
    heads.push(head);
    sizeBytes += head.length;
  };
  for (let level = 1; level < depth; level++) {
    wrap(5);
    wrap(2);
    wrap(1, message(1, Buffer.from("a")));
  }
  return Buffer.concat(heads.reverse());
}
