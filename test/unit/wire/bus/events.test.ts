/** What the service makes of a message of the bus. */
import { describe, expect, it } from "vitest";
import type { BusEvent } from "../../../../src/engine/values/event.ts";
import { decodeBusMessage } from "../../../../src/wire/bus/events.ts";

const BASE = { specversion: "1.0", id: "e1", source: "crm", type: "crm.deal.won", tenantid: "ws" };

function decodeBytes(data: Uint8Array, subject = "objectives.changes.x") {
  return decodeBusMessage({ subject, headers: new Map(), data });
}

function decode(body: unknown, subject?: string) {
  return decodeBytes(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), subject);
}

function requireEvent(body: unknown, subject?: string): BusEvent {
  const decoded = decode(body, subject);
  if (decoded.ok !== true) throw new Error(JSON.stringify(decoded));
  return decoded.event;
}

function reasonOf(body: unknown): string {
  const decoded = decode(body);
  return decoded.ok === true ? "" : decoded.reason;
}

function change(payload: object, more: object = {}) {
  return {
    ...BASE,
    dataschema: "type.googleapis.com/events.v1.Change",
    data: { aggregate_id: "agg", actor_type: "agent", actor_id: "agent-1", payload, ...more },
  };
}

describe("structured CloudEvents", () => {
  it("give attributes and data", () => {
    const event = requireEvent({
      ...BASE,
      subject: "deals/7",
      time: "2026-01-02T03:04:05Z",
      workflowhops: 3,
      data: { stage: "won", n: 1 },
    });
    expect(event).toEqual({
      workspaceId: "ws",
      id: "e1",
      source: "crm",
      type: "crm.deal.won",
      subject: "deals/7",
      time: "2026-01-02T03:04:05Z",
      data: { stage: "won", n: 1 },
      extensions: { tenantid: "ws", workflowhops: "3" },
      actorAgentId: "",
      hops: 3,
    });
  });

  it.each([
    ["staging", "staging"],
    ["production", undefined],
    ["", undefined],
  ])("with the extension environment %j are of %s", (environment, expected) => {
    expect(requireEvent({ ...BASE, environment }).environment).toBe(expected);
  });

  it("may have no data", () => {
    expect(requireEvent(BASE).data).toEqual({});
    expect(requireEvent({ ...BASE, data: null }).data).toEqual({});
  });

  it("may carry JSON as base64", () => {
    const data_base64 = Buffer.from('{"a":1}').toString("base64");
    expect(requireEvent({ ...BASE, data_base64 }).data).toEqual({ a: 1 });
  });

  it("name the workspace in the envelope, else in the data, else are ignored", () => {
    const { tenantid: _, ...anonymous } = BASE;
    expect(requireEvent({ ...BASE, data: { tenant_id: "other" } }).workspaceId).toBe("ws");
    expect(requireEvent({ ...anonymous, data: { tenant_id: "t" } }).workspaceId).toBe("t");
    expect(requireEvent({ ...anonymous, data: { organization_id: "o" } }).workspaceId).toBe("o");
    expect(decode({ ...anonymous, data: {} })).toEqual({ ok: "ignored", reason: "no_tenant" });
  });

  it("lose the mark of their type, and a Struct its wrapping", () => {
    expect(requireEvent({ ...BASE, data: { "@type": "x/a.v1.B", a: 1 } }).data).toEqual({ a: 1 });
    const struct = { "@type": "type.googleapis.com/google.protobuf.Struct", value: { s: 1 } };
    expect(requireEvent({ ...BASE, data: struct }).data).toEqual({ s: 1 });
  });

  it("keep names of Object.prototype as ordinary keys", () => {
    const { data } = requireEvent(
      `{"specversion":"1.0","id":"e","source":"s","type":"t","tenantid":"w","data":{"@type":"a","__proto__":{"x":1},"constructor":2}}`,
    );
    expect(Object.keys(data)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
  });
});

describe("poison", () => {
  it.each([
    ["not_json", "{"],
    ["not_json", ""],
    ["not_an_object", "[]"],
    ["not_an_object", "null"],
    ["missing_attribute", { ...BASE, id: "" }],
    ["missing_attribute", { ...BASE, type: undefined }],
    ["missing_attribute", { id: "e", source: "s", type: "t" }],
    ["bad_attribute", { ...BASE, specversion: "0.3" }],
    ["bad_attribute", { ...BASE, id: 7 }],
    ["bad_attribute", { ...BASE, id: "a\u0000b" }],
    ["bad_attribute", { ...BASE, id: "x".repeat(513) }],
    ["bad_data", { ...BASE, data: [1] }],
    ["bad_data", { ...BASE, data: { a: ["\u0000"] } }],
    ["bad_data", { ...BASE, data: { "a\u0000": 1 } }],
    ["bad_data", `${JSON.stringify(BASE).slice(0, -1)},"data":{"s":"\\ud800"}}`],
    ["bad_data", `${JSON.stringify(BASE).slice(0, -1)},"data":{"n":1e999}}`],
    ["bad_data", { ...BASE, data_base64: "AAAA" }],
    ["bad_data", { ...BASE, data_base64: "AAAA", datacontenttype: "application/protobuf" }],
    ["unknown_encoding", { ...BASE, data_base64: "AAAA", datacontenttype: "image/png" }],
  ])("%s", (reason, body) => {
    expect(reasonOf(body)).toBe(reason);
  });

  it("is a body over 1 MiB, bytes that are not UTF-8, headers that describe half an event", () => {
    expect(decodeBytes(new Uint8Array(1024 * 1024 + 1))).toMatchObject({ reason: "too_large" });
    expect(decodeBytes(Uint8Array.of(0x7b, 0xff, 0x7d))).toMatchObject({ reason: "not_utf8" });
    const headers = new Map([["ce-specversion", "1.0"]]);
    const data = Buffer.from("{}");
    expect(decodeBusMessage({ subject: "a.b", headers, data })).toMatchObject({
      reason: "missing_attribute",
    });
  });

  it("is data nested too deep, however deep", () => {
    const nested = (depth: number) =>
      `${JSON.stringify(BASE).slice(0, -1)},"data":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
    expect(reasonOf(nested(64))).toBe("");
    expect(reasonOf(nested(65))).toBe("bad_data");
    expect(reasonOf(nested(100_000))).toBe("bad_data");
  });
});

describe("reports of objectives", () => {
  const completed = {
    id: "obj-1",
    state: "OBJECTIVE_STATE_COMPLETED",
    agent_id: "agent-2",
    output_payload: { x: 1 },
    cost_usd: 0.25,
  };

  it("come from a Change", () => {
    const event = requireEvent(change(completed), "objectives.changes.objective.transition");
    expect(event.report).toEqual({
      kind: "owner",
      report: {
        owner: "objective",
        id: "obj-1",
        state: "COMPLETED",
        output: { x: 1 },
        errorMessage: "",
        costUsd: 0.25,
        agentId: "agent-2",
      },
    });
    expect(event.actorAgentId).toBe("agent-1");
    expect(event.data.payload).toEqual(completed);
  });

  it("take the aggregate's id when the payload names none", () => {
    const event = requireEvent(change({ state: "failed", reason: "no" }), "objectives.changes.x.y");
    expect(event.report).toMatchObject({
      report: { id: "agg", state: "FAILED", errorMessage: "no" },
    });
  });

  it.each([
    [
      { id: "o", state: "running", output: { a: 1 } },
      { state: "RUNNING", output: { a: 1 } },
    ],
    [{ id: "o", state: "Awaiting_Approval" }, { state: "AWAITING_APPROVAL" }],
    [
      { id: "o", state: 7, result: { b: 2 } },
      { state: "COMPLETED", output: { b: 2 } },
    ],
    [{ id: "o", state: "FAILED", error: { message: "boom" } }, { errorMessage: "boom" }],
    [{ id: "o", state: "COMPLETED", outputPayload: { c: 3 } }, { output: { c: 3 } }],
    [{ id: "o", state: "COMPLETED", cost_usd: -1 }, { costUsd: 0 }],
  ])("come as plain JSON: %j", (data, report) => {
    expect(requireEvent({ ...BASE, data }, "objectives.changes.x").report).toMatchObject({
      report,
    });
  });

  it("come as the typed message", () => {
    const data = {
      "@type": "type.googleapis.com/objectives.v1.Objective",
      id: "o",
      state: "OBJECTIVE_STATE_BLOCKED",
    };
    expect(requireEvent({ ...BASE, data }, "objectives.x").report).toMatchObject({
      report: { id: "o", state: "BLOCKED" },
    });
  });

  it("are none without id and known state, or under another role", () => {
    const reportOf = (data: object, subject: string) =>
      requireEvent({ ...BASE, data }, subject).report;
    expect(reportOf({ id: "o", state: "LUNCH" }, "objectives.x")).toBeUndefined();
    expect(reportOf({ state: "COMPLETED" }, "objectives.x")).toBeUndefined();
    expect(reportOf({ id: "o", state: "COMPLETED" }, "siphon.tap.x")).toBeUndefined();
    expect(reportOf({ id: "o", decision: "APPROVED" }, "objectives.x")).toBeUndefined();
    expect(reportOf({ id: "o".repeat(300), state: "COMPLETED" }, "objectives.x")).toBeUndefined();
  });
});

describe("reports of others", () => {
  it("approvals decide the request, not the decision's own id", () => {
    const decided = {
      id: "dec-1",
      approval_request_id: "req-1",
      decision: "DECISION_TYPE_DENIED",
      decided_by: "ann",
      reason: "no",
      digest: "d",
    };
    expect(requireEvent(change(decided), "approvals.changes.approval.resolve").report).toEqual({
      kind: "approval",
      report: {
        requestId: "req-1",
        decision: "DENIED",
        decidedBy: "ann",
        reason: "no",
        digest: "d",
      },
    });
    const plain = { ...BASE, data: { id: "req-2", decision: "auto-approved" } };
    expect(requireEvent(plain, "approvals.x").report).toMatchObject({
      report: { requestId: "req-2", decision: "AUTO_APPROVED" },
    });
  });

  it.each([
    ["cli", { via: "cli" }],
    [undefined, {}],
    ["Not a program", {}],
    [7, {}],
  ])("the program of a decision is said where its event has one: %j", (decided_via, said) => {
    const data = { id: "req-1", decision: "approved", decided_by: "ann", decided_via };
    const read = requireEvent({ ...BASE, data }, "approvals.x").report;
    const { via } = { via: undefined, ...read?.report };
    expect(via === undefined ? {} : { via }).toEqual(said);
  });

  it.each([["0".repeat(999)], [7], [{ sha256: "d" }]])(
    "a digest that is none, %j, is not left out",
    (digest) => {
      const decided = { ...BASE, data: { id: "req-1", decision: "approved", digest } };
      const event = requireEvent(decided, "approvals.x");
      expect(event.report).not.toMatchObject({ report: { digest: "" } });
    },
  );

  it.each([
    [{ ok: 1 }],
    [JSON.stringify({ ok: 1 })],
    [Buffer.from(JSON.stringify({ ok: 1 })).toString("base64")],
  ])("delegations answer with an object or bytes: %j", (result_payload) => {
    const payload = { id: "del-1", status: "DELEGATION_STATUS_COMPLETED", result_payload };
    expect(requireEvent(change(payload), "agents.changes.delegation.resolve").report).toMatchObject(
      {
        report: { owner: "delegation", id: "del-1", state: "COMPLETED", output: { ok: 1 } },
      },
    );
  });

  it("agents themselves are no delegations", () => {
    const payload = { id: "agent-1", status: "AGENT_STATUS_ACTIVE" };
    expect(requireEvent(change(payload), "agents.changes.agent.update").report).toBeUndefined();
  });

  it("governance names run, step and decision", () => {
    const payload = {
      run_id: "wfr_1",
      step_id: "s",
      decision: "ACTION_DECISION_DENY",
      reasons: ["a", 1, "b"],
    };
    expect(requireEvent(change(payload), "governance.changes.evaluation.decide").report).toEqual({
      kind: "governance",
      runId: "wfr_1",
      report: { stepId: "s", decision: "DENY", riskLevel: "", reasons: ["a", "b"] },
    });
  });
});

describe("tap events", () => {
  it("name provider, entity and action", () => {
    const data = {
      "@type": "type.googleapis.com/tap.v1.TapEventData",
      provider: "gmail",
      entity_type: "message",
      entityId: "m1",
      action: "received",
    };
    const event = requireEvent({ ...BASE, data }, "siphon.tap.gmail.message.received");
    expect(event.tap).toEqual({
      provider: "gmail",
      entityType: "message",
      entityId: "m1",
      action: "received",
    });
    expect(event.data).not.toHaveProperty("@type");
  });

  it("are recognised by the schema too, and need no type on their own subject", () => {
    const data = { provider: "gmail" };
    const dataschema = "type.googleapis.com/tap.v1.TapEventData";
    expect(requireEvent({ ...BASE, dataschema, data }, "other.x").tap?.provider).toBe("gmail");
    expect(requireEvent({ ...BASE, data }, "siphon.tap.x").tap?.provider).toBe("gmail");
    expect(requireEvent({ ...BASE, data }, "other.x").tap).toBeUndefined();
  });
});
