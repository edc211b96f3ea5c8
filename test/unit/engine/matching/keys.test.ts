/** Keys find every wait and trigger that may want an event, and few others. */
import { describe, expect, it } from "vitest";
import {
  beginningOfKey,
  eventKeysOf,
  keyBeginningsOf,
  triggerKeyOf,
  triggerKeysOfEvent,
  waitKeyOf,
  widenPattern,
} from "../../../../src/engine/matching/keys.ts";
import { withDots } from "../../../../src/engine/matching/pattern.ts";
import { fitsPatterns } from "../../../../src/engine/matching/trigger-match.ts";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { triggerOf } from "../../../support/builders/version-spec.ts";

const NO_TRIGGER = triggerOf();
const EVENT: BusEvent = {
  workspaceId: "ws",
  id: "e1",
  source: "crm",
  type: "crm.deal.won",
  subject: "deals/7",
  time: "",
  data: {},
  actorAgentId: "",
  hops: 0,
};

describe("keys of waits", () => {
  it("are literal where the pattern is, and any elsewhere", () => {
    expect(waitKeyOf("crm.deal.won", "deals/7")).toBe("crm.deal.won|deals/7");
    expect(waitKeyOf("*.won", "")).toBe("~|~");
    expect(waitKeyOf("x".repeat(300), "s")).toBe("~|s");
  });

  it("hold what stands before the first wildcard, four tokens of it at most", () => {
    expect(waitKeyOf("crm.>", "")).toBe("crm.~|~");
    expect(waitKeyOf("crm.deal.*.eu", "deals/7")).toBe("crm.deal.~|deals/7");
    expect(waitKeyOf("", "a/b.c/d/e/f/>")).toBe("~|a/b.c/d/~");
    expect(waitKeyOf(`${"x".repeat(300)}.>`, "s")).toBe("~|s");
  });

  it("hold the longer of two beginnings alone", () => {
    expect(waitKeyOf("crm.deal.>", "deals/*")).toBe("crm.deal.~|~");
    expect(waitKeyOf("crm.>", "deals/*")).toBe("~|deals/~");
    expect(waitKeyOf("crm.>", "*")).toBe("crm.~|~");
  });

  it("are probed in all combinations, of which there are few", () => {
    expect(eventKeysOf("t", "s")).toEqual(["t|s", "t|~", "~|s", "~|~"]);
    expect(eventKeysOf("t", "")).toEqual(["t|~", "~|~"]);
    expect(eventKeysOf("x".repeat(300), "s")).toEqual(["~|s", "~|~"]);
    expect(eventKeysOf("a.b", "s")).toEqual(["a.b|s", "a.b|~", "a.~|s", "a.~|~", "~|s", "~|~"]);
    expect(eventKeysOf("a.b", "s/t")).not.toContain("a.~|s.~");
    expect(eventKeysOf("a.b", "s/t")).toEqual(eventKeysOf("a/b", "s.t"));
    expect(eventKeysOf("a.".repeat(100), "a/".repeat(100))).toHaveLength(20);
  });

  it("never miss a pattern that fits", () => {
    const long = "x".repeat(300);
    const deep = "a.b.c.d.e.f.g";
    const types = [
      "",
      "a.b",
      "a/b",
      "a/*",
      "a/>",
      "a.b/c/*",
      "a.*",
      ">",
      "a.>",
      "*.b",
      "a.*.d",
      long,
      `${long}.*`,
      "~",
      "a|b",
    ];
    types.push("a.b.c.d.e.*.g", `a.b.c.${long}.>`, "a.~", ".>", "a.b.c.>");
    const subjects = ["", "s", "s.t", "s.*", "s/*", "s/t/>", "s/>", "*/t", ">", "~"];
    const eventTypes = [
      "a.b",
      "a/b",
      "a/c.d",
      "a/b.c.d",
      "a.c.d",
      "b",
      long,
      `${long}.b`,
      "~",
      "a|b",
      "*",
      deep,
      "a.",
      ".a",
    ];
    eventTypes.push(`a.b.c.${long}.d`, "a.~");
    const patterns = types.flatMap((type) => subjects.map((subject) => [type, subject] as const));
    const events = eventTypes.flatMap((type) =>
      ["", "s", "s/t", "s/t/u", "~"].map((subject) => ({ type, subject })),
    );
    const missed = events.flatMap((event) => {
      const probed = new Set(eventKeysOf(event.type, event.subject));
      return patterns
        .filter(([type, subject]) => !probed.has(withDots(waitKeyOf(type, subject))))
        .filter(([type, subject]) => fitsPatterns(type, subject, event));
    });
    expect(missed).toEqual([]);
    const begunElsewhere = events.flatMap(({ type, subject }) => {
      const beginnings = keyBeginningsOf(type);
      return eventKeysOf(type, subject).filter((key) => !beginnings.includes(beginningOfKey(key)));
    });
    expect(begunElsewhere).toEqual([]);
  });
});

describe("keys of triggers", () => {
  it("exist for EVENT, WEBHOOK and SCHEDULE alone", () => {
    expect(triggerKeyOf({ ...NO_TRIGGER, triggerType: "EVENT", eventType: "a.b" })).toBe("e|a.b|~");
    expect(triggerKeyOf({ ...NO_TRIGGER, triggerType: "WEBHOOK", tapProvider: "gmail" })).toBe(
      "w|gmail|~|~",
    );
    const daily = { ...NO_TRIGGER, triggerType: "SCHEDULE", cronExpr: " @daily " } as const;
    expect(triggerKeyOf(daily)).toBe("s|@daily");
    expect(triggerKeyOf(NO_TRIGGER)).toBeUndefined();
  });

  it("are probed by type, subject and tap facts", () => {
    expect(triggerKeysOfEvent(EVENT)).toHaveLength(10);
    const tap = { provider: "gmail", entityType: "message", entityId: "m1", action: "received" };
    const keys = triggerKeysOfEvent({ ...EVENT, tap });
    expect(keys).toHaveLength(18);
    expect(keys).toContain("w|gmail|~|received");
    expect(triggerKeysOfEvent({ ...EVENT, tap, onlyTrigger: "WEBHOOK" })).toHaveLength(8);
    expect(triggerKeysOfEvent({ ...EVENT, tap, onlyTrigger: "EVENT" })).toHaveLength(10);
  });
});

describe("widened patterns", () => {
  it.each([
    ["orders.paid", "orders.paid"],
    ["orders.{{ input.id }}", "orders.>"],
    ["orders.{{ input.id }}.paid", "orders.>"],
    ["orders/x-{{ input.id }}", "orders/>"],
    ["orders.*.{{ input.id }}", "orders.*.>"],
    ["orders/{{ input.id }}.updated", "orders/>"],
    ["{{ input.type }}", ">"],
    ["deal{{ '.' }}", ">"],
  ])("%s reads %s", (template, widened) => {
    expect(widenPattern(template)).toBe(widened);
  });
});
