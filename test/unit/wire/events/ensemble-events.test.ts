/** Events in the platform's envelope: the same as the CloudEvents, readable by any protobuf library. */
import { createRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { file_events_v1_change } from "../../../../gen/events/v1/change_pb.ts";
import { CloudEventSchema } from "../../../../gen/events/v1/cloudevent_pb.ts";
import { file_workflows_v1_workflows } from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { decodeBusMessage } from "../../../../src/wire/bus/events.ts";
import {
  type EventFormat,
  MAX_EVENT_BYTES,
  type OutgoingEvent,
} from "../../../../src/wire/events/cloud-events.ts";
import { renderChange } from "../../../../src/wire/events/lifecycle-events.ts";
import { bytesOfBody, RECORDED, renderHistory } from "../../../support/builders/rendered-events.ts";
import { EngineRun, edge, step, version } from "../../../support/engine/engine-run.ts";

const registry = createRegistry(file_workflows_v1_workflows, file_events_v1_change);
const FORMATS = ["ensemble-json", "ensemble-protobuf"] as const;
const CONTENT_TYPES: Readonly<Record<EventFormat, string>> = {
  cloudevents: "application/cloudevents+json",
  "ensemble-json": "application/json",
  "ensemble-protobuf": "application/protobuf",
};

const TWO = version(
  [step({ id: "a", name: "First" }), step({ id: "b" }), step({ id: "never" })],
  [edge("a>b", "", "x == 1"), edge("a>never", "", "x == 2")],
);

function played(input: JsonObject = { deal: 7 }): EngineRun {
  const at = EngineRun.start(TWO, input);
  at.report("a", "COMPLETED", { output: { x: 1, deep: [{ n: null, t: true }] }, costUsd: 0.25 });
  at.put({ kind: "pause_requested", reason: "lunch" });
  at.put({ kind: "resume_requested" });
  at.report("b", "COMPLETED", { output: { y: "ä" } });
  return at;
}

/** The envelope as the protobuf library reads it, in JSON. */
function libraryJson(event: OutgoingEvent): unknown {
  const isBytes = event.contentType === CONTENT_TYPES["ensemble-protobuf"];
  const bytes = bytesOfBody(event);
  const envelope = isBytes
    ? fromBinary(CloudEventSchema, bytes)
    : fromJson(CloudEventSchema, JSON.parse(Buffer.from(bytes).toString()), { registry });
  return toJson(CloudEventSchema, envelope, { registry, useProtoFieldName: true });
}

function read(event: OutgoingEvent) {
  const headers = new Map([["content-type", event.contentType]]);
  return decodeBusMessage({ subject: event.subject, headers, data: bytesOfBody(event) });
}

describe.each(FORMATS)("%s", (format) => {
  it("has the attributes and the data of the CloudEvent", () => {
    const at = played();
    const plain = renderHistory(at).map((event) => JSON.parse(String(event.body)));
    const events = renderHistory(at, format);
    expect(events.map(({ id }) => id)).toEqual(plain.map(({ id }) => id));
    for (const [place, event] of events.entries()) {
      expect(event.contentType).toBe(CONTENT_TYPES[format]);
      const {
        specversion,
        datacontenttype,
        tenantid,
        data,
        time,
        subject,
        type,
        id,
        source,
        ...extensions
      } = plain[place];
      expect(libraryJson(event)).toEqual({
        spec_version: specversion,
        data_content_type: format === "ensemble-json" ? datacontenttype : "application/protobuf",
        tenant_id: tenantid,
        ...{ data, time, subject, type, id, source },
        extensions,
      });
    }
  });

  it("comes back in as the same event, with its hops", () => {
    const at = played();
    const run = { ...at.run, hops: 5 };
    const events = renderHistory(at, format, run);
    const plain = renderHistory(at, "cloudevents", run);
    expect(events.map(read)).toEqual(plain.map(read));
    const last = events.map(read).at(-1);
    expect(last).toMatchObject({
      ok: true,
      event: { type: "workflows.changes.run.completed", hops: 5, workspaceId: "ws" },
    });
  });

  it("over 64 KiB leaves the payloads out and says where they are", () => {
    for (const event of renderHistory(played({ text: "é".repeat(40_000) }), format)) {
      expect(bytesOfBody(event).length).toBeLessThanOrEqual(MAX_EVENT_BYTES);
    }
    const [first] = renderHistory(played({ text: "é".repeat(40_000) }), format);
    if (first === undefined) throw new Error("no event");
    expect(libraryJson(first)).toMatchObject({
      extensions: { dataref: "workflows.v1.WorkflowService/GetRun?id=wfr_test" },
      data: { run: expect.not.objectContaining({ input_payload: expect.anything() }) },
    });
  });

  it("keeps names of Object.prototype in payloads", () => {
    const input: JsonObject = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
    const [first] = renderHistory(EngineRun.start(TWO, input), format);
    const decoded = first === undefined ? undefined : read(first);
    if (decoded?.ok !== true) throw new Error("no event");
    expect(JSON.stringify(decoded.event.data.run)).toContain(
      '"input_payload":{"__proto__":{"x":1},"constructor":2}',
    );
  });

  it("describes definitions by events.v1.Change", () => {
    const event = renderChange(format, {
      id: "wf_1-create",
      type: "workflows.changes.definition.create",
      workspaceId: "ws",
      aggregateId: "wf_1",
      aggregateType: "definition",
      operation: "create",
      recordedAt: RECORDED.toISOString(),
      payload: { id: "wf_1", name: "Sales", tags: ["a"] },
    });
    expect(libraryJson(event)).toMatchObject({
      id: "wf_1-create",
      tenant_id: "ws",
      data: {
        "@type": "type.googleapis.com/events.v1.Change",
        aggregate_type: "definition",
        recorded_at: "2026-01-02T03:04:05.678Z",
        payload: { id: "wf_1", name: "Sales", tags: ["a"] },
      },
    });
  });
});
