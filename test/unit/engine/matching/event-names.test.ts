/** Attributes of events in filters: names that no event can have are faults of the version. */
import { describe, expect, it } from "vitest";
import { checkVersion } from "../../../../src/engine/graph/check.ts";
import { compileGraph } from "../../../../src/engine/graph/compile.ts";
import { matchTrigger } from "../../../../src/engine/matching/trigger-match.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";

const WORK = stepOf("work", { name: "work" });
const byEvent = (filterExpr: string) =>
  versionOf([WORK], [], {
    trigger: triggerOf({ triggerType: "EVENT", eventType: "a.b", filterExpr }),
  });
const waiting = (filter: string) =>
  versionOf([
    stepOf("wait", {
      stepType: "WAIT_FOR_EVENT",
      agentId: "",
      eventTypePattern: "a.b",
      config: { filter_expr: filter },
    }),
  ]);

describe.each([
  ["event.subjct == 'x'", 'did you mean "subject"'],
  ["event.Type == 'x'", '"type"'],
  ["event.tenant_id == 'x'", '"tenantid"'],
  ["event['sourse'] == 'x'", '"source"'],
  ["event.customerId == 'x'", "lower-case letters and digits"],
  ["event.dataschema == 'x'", "filters see"],
])("%s", (filter, problem) => {
  it("is a fault in a trigger and in a wait", () => {
    for (const [field, spec] of [
      ["trigger.filter_expr", byEvent(filter)],
      ["steps[0].config.filter_expr", waiting(filter)],
    ] as const) {
      expect(checkVersion(spec)).toEqual([
        { field, description: expect.stringMatching(new RegExp(problem)) },
      ]);
    }
  });
});

it.each([
  "event.subject == 'x' && event.tenantid == 'ws' && event.orderid == '7' && event.date == '1'",
  "note == 'event.subjct' && data.event.subjct == 1",
  "event.trace_id == 'x'",
])("%s is none", (filter) => {
  expect(checkVersion(byEvent(filter))).toEqual([]);
});

it("gives an extension by name, and says which one an event does not have", () => {
  const spec = byEvent("event.orderid == '7' && event.urgent == 'true'");
  const { triggerFilter } = compileGraph(spec);
  const event = {
    workspaceId: "ws",
    id: "e1",
    source: "crm",
    type: "a.b",
    subject: "",
    time: "",
    data: {},
    actorAgentId: "",
    hops: 0,
  };
  const extensions = { orderid: "7", urgent: "true", id: "another" };
  expect(matchTrigger(spec.trigger, triggerFilter, { ...event, extensions })).toEqual({
    matches: true,
  });
  expect(matchTrigger(spec.trigger, triggerFilter, event)).toMatchObject({
    matches: false,
    problem: expect.stringContaining("orderid"),
  });
});
