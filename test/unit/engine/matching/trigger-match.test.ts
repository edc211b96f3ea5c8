/** Which events a trigger takes. */
import { describe, expect, it } from "vitest";
import { type Expression, parseExpression } from "../../../../src/engine/expression/expression.ts";
import { fitsTrigger, matchTrigger } from "../../../../src/engine/matching/trigger-match.ts";
import type { TriggerDefinition } from "../../../../src/engine/values/definition.ts";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { triggerOf } from "../../../support/builders/version-spec.ts";

const NO_TRIGGER = triggerOf({ triggerType: "EVENT" });
const TAP = { provider: "hubspot", entityType: "deal", entityId: "d1", action: "updated" };
const EVENT: BusEvent = {
  workspaceId: "ws",
  id: "e1",
  source: "crm",
  type: "crm.deal.won",
  subject: "deals/7",
  time: "2026-01-02T03:04:05Z",
  data: { value: 60000, constructor: "x" },
  actorAgentId: "",
  hops: 0,
};

function filterOf(source: string): Expression {
  const parsed = parseExpression(source, { stepIds: [], kind: "trigger_filter" });
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.expression;
}

describe("EVENT triggers", () => {
  it.each([
    ["crm.deal.won", "", true],
    ["crm.*.won", "", true],
    ["crm.>", "deals/*", true],
    ["crm", "", false],
    ["crm.>", "deals", false],
    ["", "deals/7", true],
    ["", "deals/*", true],
  ])("type %s and subject %s: %s", (eventType, eventSubject, fits) => {
    expect(fitsTrigger({ ...NO_TRIGGER, eventType, eventSubject }, EVENT)).toBe(fits);
  });

  it("ask the filter, which sees the data and the event", () => {
    const trigger = { ...NO_TRIGGER, eventType: "crm.>" };
    const matches = (source: string) => matchTrigger(trigger, filterOf(source), EVENT);
    expect(matches("value >= 50000").matches).toBe(true);
    expect(matches("value >= 70000").matches).toBe(false);
    expect(matches('event.source == "crm" && event.data.value > 1').matches).toBe(true);
    expect(matches('constructor == "x"').matches).toBe(true);
  });

  it("count a filter that fails as false and say why", () => {
    const match = matchTrigger(
      { ...NO_TRIGGER, eventType: "crm.>" },
      filterOf("missing > 1"),
      EVENT,
    );
    expect(match.matches).toBe(false);
    expect(match.problem).toContain("missing");
  });
});

describe("WEBHOOK triggers", () => {
  const webhook: TriggerDefinition = { ...NO_TRIGGER, triggerType: "WEBHOOK" };

  it.each([
    ["hubspot", "deal", "updated", true],
    ["hubspot", "", "", true],
    ["", "", "", true],
    ["hubspot", "deal", "created", false],
    ["gmail", "", "", false],
  ])("%s, %s, %s: %s", (tapProvider, tapEntityType, tapAction, fits) => {
    const trigger = { ...webhook, tapProvider, tapEntityType, tapAction };
    expect(fitsTrigger(trigger, { ...EVENT, tap: TAP })).toBe(fits);
  });

  it("take no event that tap did not send", () => {
    expect(fitsTrigger(webhook, EVENT)).toBe(false);
  });
});

describe("an event handed in for one type of trigger", () => {
  it("is for no other", () => {
    const trigger = { ...NO_TRIGGER, eventType: "crm.>" };
    expect(fitsTrigger(trigger, { ...EVENT, onlyTrigger: "EVENT" })).toBe(true);
    expect(fitsTrigger(trigger, { ...EVENT, onlyTrigger: "WEBHOOK" })).toBe(false);
    expect(fitsTrigger({ ...NO_TRIGGER, triggerType: "MANUAL" }, EVENT)).toBe(false);
  });
});
