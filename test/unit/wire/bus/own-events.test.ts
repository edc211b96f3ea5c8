/** Events of the service that come back from the bus: the same in each format that it publishes. */
import { describe, expect, test } from "vitest";
import type { PublishedEvent } from "../../../../src/engine/values/published-event.ts";
import { readOwnEvent } from "../../../../src/wire/bus/own-events.ts";
import {
  BUS_FORMATS,
  type BusFormat,
  CONTENT_TYPES,
  ENVELOPES,
  EVENT_FIXTURES,
  readFixture,
  readFixtureBytes,
} from "../../../support/fixtures/fixture-files.ts";

function read(format: BusFormat, name: string, type: string): PublishedEvent {
  const data = readFixtureBytes(name + ENVELOPES[format]);
  const headers = new Map([["content-type", CONTENT_TYPES[format]]]);
  const event = readOwnEvent({ subject: type, headers, data });
  if (event === undefined) throw new Error(`${name} is no event in ${format}`);
  return event;
}

describe.each(EVENT_FIXTURES)("$name", ({ name, type, stepId }) => {
  test.each(BUS_FORMATS)("in %s says what it is about", (format) => {
    const event = read(format, name, type);
    expect(event).toMatchObject({ source: "workflows", type, subject: type });
    expect(event.workspaceId).toMatch(/^ws_/);
    expect(event.extensions.tenantid).toBe(event.workspaceId);
    expect(event.definitionId).toMatch(/^wf_/);
    const isChange = name.startsWith("definition") || name.startsWith("version");
    expect(event.runId).toMatch(isChange ? /^$/ : /^wfr_/);
    if (stepId !== undefined) expect(event.data).toMatchObject({ step: { step_id: stepId } });
  });

  test("is the same in each format, but for its size", () => {
    const [first, ...others] = BUS_FORMATS.map((format) => read(format, name, type));
    for (const other of others) expect({ ...other, bytes: 0 }).toEqual({ ...first, bytes: 0 });
    expect(first?.data).toEqual((readFixture(`${name}.cloudevents.json`) as { data: object }).data);
  });
});

test("what the service has not published is no event of its own", () => {
  const headers = new Map([["content-type", "application/cloudevents+json"]]);
  const subject = "workflows.changes.run.started";
  const fixture = readFixture("run-started.cloudevents.json") as object;
  const readText = (text: string) => readOwnEvent({ subject, headers, data: Buffer.from(text) });
  expect(readText(JSON.stringify(fixture))).toBeDefined();
  expect(readText(JSON.stringify({ ...fixture, source: "shop" }))).toBeUndefined();
  expect(readText(JSON.stringify({ ...fixture, time: "yesterday" }))).toBeUndefined();
  expect(readText(JSON.stringify({ ...fixture, data: { a: "\u0000" } }))).toBeUndefined();
  expect(readText(JSON.stringify({ ...fixture, more: "x".repeat(65 * 1024) }))).toBeUndefined();
  expect(readText("{")).toBeUndefined();
});
