/** Attributes of CloudEvents that are not strings, in every encoding: they are read as their canonical text form. */
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { expect, it, test } from "vitest";
import { ChangeSchema } from "../../../../gen/events/v1/change_pb.ts";
import { CloudEventSchema } from "../../../../gen/events/v1/cloudevent_pb.ts";
import { decodeBusMessage } from "../../../../src/wire/bus/events.ts";

const FACTS = { id: "e1", source: "crm", type: "a.b" };

function decoded(headers: Record<string, string>, data: Uint8Array | string) {
  const read = decodeBusMessage({
    subject: "crm.x",
    headers: new Map(Object.entries(headers)),
    data: typeof data === "string" ? Buffer.from(data) : data,
  });
  if (read.ok !== true) throw new Error(JSON.stringify(read));
  return read.event;
}

const ENCODINGS: Readonly<
  Record<string, (tenant: number | boolean | string) => ReturnType<typeof decoded>>
> = {
  "structured JSON": (tenant) =>
    decoded(
      {},
      JSON.stringify({
        ...FACTS,
        specversion: "1.0",
        tenantid: tenant,
        priority: 5,
        urgent: true,
        data: {},
      }),
    ),
  "binary mode": (tenant) =>
    decoded(
      {
        ...{ "ce-id": "e1", "ce-source": "crm", "ce-type": "a.b", "ce-specversion": "1.0" },
        ...{ "ce-tenantid": String(tenant), "ce-priority": "5", "ce-urgent": "true" },
        "content-type": "application/json",
      },
      "{}",
    ),
  "envelope, JSON": (tenant) =>
    decoded(
      {},
      JSON.stringify({
        ...FACTS,
        spec_version: "1.0",
        data: {},
        extensions: { tenantid: tenant, priority: 5, urgent: true },
      }),
    ),
  "envelope, protobuf": (tenant) =>
    decoded(
      { "content-type": "application/protobuf" },
      toBinary(
        CloudEventSchema,
        create(CloudEventSchema, {
          ...FACTS,
          specVersion: "1.0",
          data: anyPack(ChangeSchema, create(ChangeSchema)),
          extensions: {
            tenantid: wireValue(tenant),
            priority: wireValue(5),
            urgent: wireValue(true),
          },
        }),
      ),
    ),
};

function wireValue(value: number | boolean | string) {
  if (typeof value === "string") return { kind: { case: "stringValue", value } } as const;
  if (typeof value === "boolean") return { kind: { case: "boolValue", value } } as const;
  return { kind: { case: "numberValue", value } } as const;
}

test.each(Object.entries(ENCODINGS))("%s: numbers and booleans are texts", (_name, read) => {
  const extensions = { tenantid: "4711", priority: "5", urgent: "true" };
  expect(read(4711)).toMatchObject({ workspaceId: "4711", extensions });
  expect(read("4711")).toEqual(read(4711));
  expect(read(true).workspaceId).toBe("true");
});

it("takes an integer for the tenant of the data, and no object for an attribute", () => {
  const body = { ...FACTS, specversion: "1.0", data: { tenant_id: 7 }, odd: { a: 1 }, none: null };
  expect(decoded({}, JSON.stringify(body))).toMatchObject({
    workspaceId: "7",
    extensions: { tenantid: "7" },
  });
  expect(decoded({}, JSON.stringify(body)).extensions).toEqual({ tenantid: "7" });
});

it("leaves out an extension that could not be stored", () => {
  const body = { ...FACTS, specversion: "1.0", tenantid: "ws", bad: "a\u0000b", data: {} };
  expect(decoded({}, JSON.stringify(body)).extensions).toEqual({ tenantid: "ws" });
});
