/**
 * The JSON that other teams build on (testdata/fixtures): it is what its schema says, and what the live service answers.
 * Boundary: `npx tsx tools/make-fixtures.ts` writes the files; here they are only read.
 */
import { readdirSync } from "node:fs";
import type { DescMessage } from "@bufbuild/protobuf";
import { CloudEvent } from "cloudevents";
import { describe, expect, test } from "vitest";
import { CloudEventSchema } from "../../gen/events/v1/cloudevent_pb.ts";
import { StepRunState, WorkflowState } from "../../gen/workflows/v1/workflows_pb.ts";
import { requireObject } from "../../src/sandbox/bus.ts";
import { decodeBusMessage } from "../../src/wire/bus/events.ts";
import {
  BARE,
  BUS_FORMATS,
  CONTENT_TYPES,
  ENVELOPES,
  EVENT_FIXTURES,
  envelopeToBinary,
  eventIn,
  FIXTURES_FOLDER,
  parseStrictly,
  RPC_FIXTURES,
  readFixture,
  readFixtureBytes,
  writeJson,
} from "../support/fixtures/fixture-files.ts";
import { hideTimes, normaliseDocuments } from "../support/fixtures/fixture-normaliser.ts";
import { playFixtures } from "../support/fixtures/fixture-story.ts";

const MIDDLE = "get-run.response.json";
const EVENT_ID = "gmail-history-4181093";
const messages: [file: string, schema: DescMessage][] = [
  ...Object.entries(RPC_FIXTURES),
  ...EVENT_FIXTURES.flatMap(({ name, schema }): [string, DescMessage][] => [
    [name + BARE, schema],
    [name + ENVELOPES["ensemble-json"], CloudEventSchema],
    [name + ENVELOPES["ensemble-protobuf"], CloudEventSchema],
  ]),
];

test("every file is known, and every known file is there", () => {
  const known = [
    "README.md",
    ...messages.map(([file]) => file),
    ...EVENT_FIXTURES.map(({ name }) => name + ENVELOPES.cloudevents),
  ];
  expect(readdirSync(FIXTURES_FOLDER).sort()).toEqual(known.sort());
});

test.each(messages)("%s has no unknown field and is written back equal", (file, schema) => {
  const json = readFixture(file);
  expect(writeJson(schema, parseStrictly(schema, json))).toEqual(json);
});

describe.each(EVENT_FIXTURES)("$name", ({ name, schema, type }) => {
  const bare = requireObject(readFixture(name + BARE));

  test("is a valid CloudEvent whose data is the bare event", () => {
    const json = readFixture(name + ENVELOPES.cloudevents);
    const event = new CloudEvent(JSON.parse(JSON.stringify(json)), true);
    expect(event.toJSON()).toEqual(json);
    expect(event).toMatchObject({ type, subject: type, source: "workflows" });
    expect(event.dataschema).toBe(`https://type.googleapis.com/${schema.typeName}`);
    expect(event.data).toEqual({ "@type": `type.googleapis.com/${schema.typeName}`, ...bare });
  });

  test("is the same in the Ensemble envelope, as JSON and as bytes", () => {
    const json = requireObject(readFixture(name + ENVELOPES["ensemble-json"]));
    const bytes = readFixture(name + ENVELOPES["ensemble-protobuf"]);
    expect(eventIn(json)).toEqual(bare);
    expect(json.data_content_type).toBe("application/json");
    expect(bytes).toEqual({ ...json, data_content_type: "application/protobuf" });
  });

  test("is one event to our own reader, whatever the envelope", () => {
    const decoded = BUS_FORMATS.map((format) =>
      decodeBusMessage({
        subject: type,
        headers: new Map([["content-type", CONTENT_TYPES[format]]]),
        data: readFixtureBytes(name + ENVELOPES[format]),
      }),
    );
    expect(decoded[0]).toMatchObject({ ok: true, event: { type, workspaceId: "ws_demo" } });
    expect(decoded).toEqual(BUS_FORMATS.map(() => decoded[0]));
  });
});

test("the run in the middle waits for the manager, with four steps done and paid for", () => {
  const { run } = parseStrictly(RPC_FIXTURES[MIDDLE], readFixture(MIDDLE));
  const { WAITING, PENDING, COMPLETED } = StepRunState;
  expect(run?.state).toBe(WorkflowState.RUNNING);
  expect(run?.steps.map(({ state }) => state)).toEqual([
    ...Array.from({ length: 4 }, () => COMPLETED),
    WAITING,
    ...Array.from({ length: 4 }, () => PENDING),
  ]);
  expect(run?.steps[4]).toMatchObject({
    stepId: "manager-approval",
    approvalRequestId: expect.stringMatching(/^apr_/),
    inputPayload: { deal_value_usd: 85_000 },
  });
  expect(run?.steps.map(({ costUsd }) => costUsd).filter((cost) => cost > 0)).toEqual([
    0.042, 0.0185,
  ]);
  expect(run).toMatchObject({
    totalCostUsd: 0.0605,
    entityType: "ENTITY_TYPE_CONTACT",
    entityId: "contact_dana.reyes@northwind.example",
  });
});

test("the trigger starts one run and ends the wait of another", () => {
  const file = "handle-trigger.response.json";
  expect(readFixture(file)).toMatchObject({
    started_runs: [{ state: "WORKFLOW_STATE_RUNNING", trigger_event_id: EVENT_ID }],
    updated_runs: [{ state: "WORKFLOW_STATE_COMPLETED" }],
  });
  expect(JSON.stringify(readFixture(file))).toContain(`"event_id":"${EVENT_ID}"`);
  expect(readFixture("handle-trigger.request.json")).toMatchObject({ trigger_event_id: EVENT_ID });
});

describe("the live service answers and publishes the same but for ids and times:", () => {
  test.each(BUS_FORMATS)("BUS_FORMAT=%s", async (format) => {
    const { documents, received } = await playFixtures(format);
    const live = Object.entries(normaliseDocuments(documents));
    for (const [file, document] of live) {
      expect(hideTimes(document), file).toEqual(hideTimes(readFixture(file)));
    }
    expect(live).toHaveLength(Object.keys(RPC_FIXTURES).length + 2 * EVENT_FIXTURES.length);
    expect(received.map(({ message }) => message.subject)).toEqual(
      EVENT_FIXTURES.map(({ type }) => type),
    );
    for (const { message, envelope } of received) {
      expect(message.headers?.get("Content-Type")).toBe(CONTENT_TYPES[format]);
      expect(message.headers?.get("Nats-Msg-Id")).toBe(envelope.id);
      // A field that the schema does not know would be lost on the way to JSON and back.
      if (format === "ensemble-protobuf") {
        expect(envelopeToBinary(envelope)).toHaveLength(message.data.length);
      }
    }
  });
});
