/** Limits of messages of the bus: at the limit a value is accepted; past it the message is put aside or the value cut. */
import { describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { MAX_COST_USD } from "../../../../src/engine/values/limits.ts";
import { decodeBusMessage } from "../../../../src/wire/bus/events.ts";

const BASE = { specversion: "1.0", id: "e1", source: "crm", type: "crm.deal.won", tenantid: "ws" };

function decode(body: object, subject: string, bytes?: number) {
  const text = JSON.stringify(body);
  const data = Buffer.from(text.padEnd(bytes ?? 0));
  return decodeBusMessage({ subject, headers: new Map(), data });
}

function eventOf(body: object, subject = "crm.x"): BusEvent {
  const decoded = decode({ ...BASE, ...body }, subject);
  if (decoded.ok !== true) throw new Error(JSON.stringify(decoded));
  return decoded.event;
}

const ofChange = (payload: object, aggregate_id = "x1") => ({
  dataschema: "type.googleapis.com/events.v1.Change",
  data: { aggregate_id, payload },
});
const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

describe("a message", () => {
  it("has at most 1 MiB", () => {
    expect(decode(BASE, "crm.x", 1024 * 1024).ok).toBe(true);
    expect(decode(BASE, "crm.x", 1024 * 1024 + 1)).toMatchObject({ reason: "too_large" });
  });

  it("has attributes of so many bytes, whatever the characters", () => {
    expect(eventOf({ id: "é".repeat(256) }).id).toHaveLength(256);
    expect(decode({ ...BASE, id: "é".repeat(257) }, "crm.x")).toMatchObject({
      reason: "bad_attribute",
    });
  });

  it("may wrap data as deep as bare ones in a Change", () => {
    expect(eventOf(ofChange({ output_payload: nested(62) })).data).toBeDefined();
    const deeper = { ...BASE, ...ofChange({ output_payload: nested(64) }) };
    expect(decode(deeper, "crm.x")).toMatchObject({ reason: "bad_data" });
  });

  it.each([
    [7, 7],
    ["7", 7],
    [5_000, 1_000],
    [1.5, 0],
    [-1, 0],
    ["many", 0],
  ])("of %o hops has %i", (workflowhops, hops) => {
    expect(eventOf({ workflowhops }).hops).toBe(hops);
  });

  it("whose time is none has none", () => {
    expect(eventOf({ time: "yesterday" }).time).toBe("");
  });
});

describe("a report", () => {
  it("drops a cost that no sum could hold", () => {
    const costs = [MAX_COST_USD, MAX_COST_USD * 2].map((cost_usd) => {
      const body = ofChange({ state: "COMPLETED", cost_usd });
      return eventOf(body, "objectives.changes.objective.transition").report;
    });
    expect(costs).toMatchObject([
      { report: { costUsd: MAX_COST_USD } },
      { report: { costUsd: 0 } },
    ]);
  });

  it("has an output that came as bytes only if it can be kept", () => {
    const outputs = [64, 65].map((depth) => {
      const bytes = Buffer.from(JSON.stringify(nested(depth - 1))).toString("base64");
      const body = ofChange({ status: "COMPLETED", result_payload: bytes });
      return eventOf(body, "agents.changes.delegation.x").report;
    });
    expect(outputs[0]).toHaveProperty("report.output");
    expect(outputs[1]).not.toHaveProperty("report.output");
  });

  it("has at most a hundred reasons", () => {
    const reasons = Array.from({ length: 101 }, (_, n) => `r${n}`);
    const body = ofChange({ run_id: "wfr_1", step_id: "s", decision: "DENY", reasons });
    const { report } = eventOf(body, "governance.changes.evaluation.x");
    expect(report?.kind === "governance" && report.report.reasons.length).toBe(100);
  });
});
