/** Whatever the bytes and headers of a message of the bus are: it is read or refused, and nothing throws. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBusMessage } from "../../src/wire/bus/events.ts";
import { TAP_EVENT } from "../support/builders/event-payloads.ts";
import { ENCODINGS, type EventToWrite } from "../support/builders/written-events.ts";

const RUNS = { numRuns: 300 };
const EVENT: EventToWrite = {
  ...{ id: "e1", type: "crm.deal.won", subject: "deals/7", workspaceId: "ws" },
  ...{ data: TAP_EVENT.data, extensions: {} },
};
const subject = fc.constantFrom(
  ...["objectives.x", "agents.x", "approvals.x", "governance.x", "siphon.x", ""],
);

function isJudged(data: Uint8Array, of: string, headers: Readonly<Record<string, string>> = {}) {
  const lower = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  return [true, false, "ignored"].includes(
    decodeBusMessage({ subject: of, headers: new Map(lower), data }).ok,
  );
}

it("bytes of any kind, under any media type", () => {
  const media = fc.constantFrom("", "application/json", "application/protobuf", "text/plain");
  const schema = fc.constantFrom("", "google.protobuf.Any", "google.protobuf.Struct", "a.v1.B");
  const { headers } = ENCODINGS["binary Any"].write(EVENT);
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(bytes, subject, media, schema, (body, of, type, dataschema) => {
      const bare = { "Content-Type": type };
      return (
        isJudged(body, of) &&
        isJudged(body, of, bare) &&
        isJudged(body, of, { ...headers, ...bare, "ce-dataschema": dataschema })
      );
    }),
    RUNS,
  );
});

it("a whole message with some bytes changed", () => {
  const whole = ENCODINGS["Ensemble protobuf"].write(EVENT).body;
  const change = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), subject, (changes, of) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      return isJudged(bytes, of);
    }),
    RUNS,
  );
});

it("any JSON as the data, as an attribute and in a payload", () => {
  const base = {
    specversion: "1.0",
    id: "e1",
    source: "crm",
    type: "crm.deal.won",
    tenantid: "ws",
  };
  fc.assert(
    fc.property(fc.jsonValue(), subject, (json, of) =>
      [{ data: json }, { x: json }, { data: { payload: json } }].every((more) =>
        isJudged(Buffer.from(JSON.stringify({ ...base, ...more })), of),
      ),
    ),
    RUNS,
  );
  expect(isJudged(Buffer.from(JSON.stringify(base)), "objectives.x")).toBe(true);
});
