/** Calls as bytes of the collaborators' requests, and their replies as results. */
import { create, fromBinary, fromJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  DelegateRequestSchema,
  GetDelegationResponseSchema,
} from "../../../../gen/agents/v1/agents_pb.ts";
import {
  EscalateRequestSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
  RiskLevel,
} from "../../../../gen/approvals/v1/approvals_pb.ts";
import {
  ActionDecision,
  EvaluateActionRequestSchema,
  EvaluateActionResponseSchema,
} from "../../../../gen/governance/v1/governance_pb.ts";
import {
  DeliveryChannel,
  NotificationCategory,
  Priority,
  SendRequestSchema,
} from "../../../../gen/notifications/v1/notifications_pb.ts";
import {
  CancelRequestSchema,
  CreateRequestSchema,
  CreateResponseSchema,
} from "../../../../gen/objectives/v1/objectives_pb.ts";
import type { SendNotification } from "../../../../src/engine/values/call.ts";
import {
  readCreateObjective,
  readDelegationOutput,
  readEvaluateAction,
  readRequestApproval,
} from "../../../../src/wire/calls/replies.ts";
import { decodeLookUp, decodeReadOutput, encodeCall } from "../../../../src/wire/calls/requests.ts";

const utf8 = new TextEncoder();
const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

const NOTIFICATION: SendNotification = {
  kind: "send_notification",
  workspaceId: "ws",
  channel: "slack",
  template: "deal_won",
  variables: { run_id: "wfr_1", amount: 5 },
  recipient: "u1",
  subject: "Won",
  body: "A deal",
  priority: "",
};

describe("requests", () => {
  it("an objective names the surface and carries the description as it is", () => {
    const bytes = encodeCall({
      kind: "create_objective",
      workspaceId: "ws",
      agentId: "a1",
      title: "Qualify",
      description: '{"run_id":"wfr_1"}',
    });
    expect(fromBinary(CreateRequestSchema, bytes)).toMatchObject({
      workspaceId: "ws",
      agentId: "a1",
      surface: "workflows",
      title: "Qualify",
      description: '{"run_id":"wfr_1"}',
    });
  });

  it("a delegation carries its context as bytes", () => {
    const bytes = encodeCall({
      kind: "delegate",
      fromAgentId: "workflows",
      toAgentId: "a1",
      capability: "qualify",
      objectiveId: "obj_1",
      runId: "wfr_1",
      stepId: "s1",
      context: '{"ü":1}',
      reason: "routed",
    });
    const request = fromBinary(DelegateRequestSchema, bytes);
    expect(request).toMatchObject({ workflowRunId: "wfr_1", workflowStepId: "s1" });
    expect(json(request.contextPayload)).toEqual({ ü: 1 });
  });

  it("an escalation names the request and says why", () => {
    const reason = "no decision within 60 s; u2 is asked";
    const bytes = encodeCall({ kind: "escalate_approval", requestId: "apr_1", reason });
    const request = fromBinary(EscalateRequestSchema, bytes);
    expect(request).toMatchObject({ approvalRequestId: "apr_1", reason });
  });

  it("an approval carries payload and context as JSON, its risk in either spelling", () => {
    const ask = (riskLevel: string) =>
      fromBinary(
        RequestApprovalRequestSchema,
        encodeCall({
          kind: "request_approval",
          ticket: 0,
          workspaceId: "ws",
          agentId: "a1",
          actionType: "send_offer",
          riskLevel,
          payload: { amount: 1 },
          context: { run_id: "wfr_1", step_id: "gate", digest: "d" },
          approver: "u1",
        }),
      );
    const request = ask("HIGH");
    expect(request).toMatchObject({ surface: "workflows", approverUserId: "u1" });
    expect(json(request.actionPayload)).toEqual({ amount: 1 });
    expect(JSON.parse(request.contextJson)).toEqual({
      run_id: "wfr_1",
      step_id: "gate",
      digest: "d",
    });
    expect(request.riskLevel).toBe(RiskLevel.HIGH);
    expect(ask("RISK_LEVEL_CRITICAL").riskLevel).toBe(RiskLevel.CRITICAL);
    expect(ask("").riskLevel).toBe(RiskLevel.LOW);
  });

  it("an evaluation carries its payload as JSON", () => {
    const bytes = encodeCall({
      kind: "evaluate_action",
      workspaceId: "ws",
      agentId: "a1",
      actionType: "t",
      payload: { run_id: "wfr_1", input: {} },
    });
    const request = fromBinary(EvaluateActionRequestSchema, bytes);
    expect(json(request.actionPayload)).toEqual({ run_id: "wfr_1", input: {} });
    expect(request.context).toBeUndefined();
  });

  it("an evaluation outside of production names the environment", () => {
    const bytes = encodeCall({
      ...{ kind: "evaluate_action", workspaceId: "ws", agentId: "a1", actionType: "t" },
      ...{ payload: {}, environment: "staging" },
    });
    const { context } = fromBinary(EvaluateActionRequestSchema, bytes);
    expect(context?.environment).toBe("staging");
  });

  it.each([
    ["slack", DeliveryChannel.SLACK, ""],
    ["DELIVERY_CHANNEL_EMAIL", DeliveryChannel.EMAIL, ""],
    ["In-App", DeliveryChannel.IN_APP, ""],
    ["pager", DeliveryChannel.UNSPECIFIED, '{"channel":"pager"}'],
    ["", DeliveryChannel.UNSPECIFIED, ""],
  ])("channel %s is %i", (channel, number, metadataJson) => {
    const request = fromBinary(SendRequestSchema, encodeCall({ ...NOTIFICATION, channel }));
    expect(request).toMatchObject({
      channel: number,
      metadataJson,
      category: NotificationCategory.GENERAL,
      priority: Priority.NORMAL,
      templateName: "deal_won",
      templateVariablesJson: '{"run_id":"wfr_1","amount":5}',
    });
  });

  it("a cancel names the objective", () => {
    const bytes = encodeCall({ kind: "cancel_objective", objectiveId: "o", reason: "r" });
    expect(fromBinary(CancelRequestSchema, bytes)).toMatchObject({ id: "o", reason: "r" });
  });

  it("look-ups and reads come back as they were", () => {
    const lookUp = {
      kind: "look_up",
      workspaceId: "ws",
      agentId: "",
      capability: "c",
      skillId: "s",
      promptName: "p",
    } as const;
    expect(decodeLookUp(encodeCall(lookUp))).toEqual(lookUp);
    const staged = { ...lookUp, environment: "staging" };
    expect(decodeLookUp(encodeCall(staged))).toEqual(staged);
    const read = { kind: "read_output", delegationId: "d", objectiveId: "o" } as const;
    expect(decodeReadOutput(encodeCall(read))).toEqual(read);
  });

  it("the same call gives the same bytes", () => {
    expect(encodeCall(NOTIFICATION)).toEqual(encodeCall({ ...NOTIFICATION }));
  });
});

describe("replies", () => {
  it("an id that cannot be stored is a refusal", () => {
    const reply = (id: string) =>
      readCreateObjective(create(CreateResponseSchema, { objective: { id } }));
    expect(reply("obj_1")).toEqual({
      ok: true,
      value: { kind: "create_objective", objectiveId: "obj_1" },
    });
    for (const id of ["", "a\u0000", "x".repeat(300)]) expect(reply(id).ok).toBe(false);
  });

  it("evidence of an automatic approval is kept", () => {
    const reply = create(RequestApprovalResponseSchema, {
      approvalRequest: { id: "apr_1" },
      autoApproveEvidence: { pattern: "always" },
    });
    expect(readRequestApproval(reply)).toMatchObject({ value: { autoApproved: true } });
  });

  it("a judgement has short names; an unknown number is UNSPECIFIED", () => {
    const judge = (decision: number) =>
      readEvaluateAction(
        fromJson(EvaluateActionResponseSchema, { evaluation: { decision, reasons: ["r"] } }),
      );
    expect(judge(ActionDecision.REQUIRE_APPROVAL)).toMatchObject({
      value: { decision: "REQUIRE_APPROVAL", riskLevel: "UNSPECIFIED", reasons: ["r"] },
    });
    expect(judge(77)).toMatchObject({ value: { decision: "UNSPECIFIED" } });
  });

  it("a delegation's output is a JSON object, or none; too large or too deep is a refusal", () => {
    const read = (text: string) =>
      readDelegationOutput(
        create(GetDelegationResponseSchema, { delegation: { resultPayload: utf8.encode(text) } }),
      );
    expect(read('{"a":1}')).toMatchObject({ ok: true, value: { output: { a: 1 } } });
    for (const text of ["", "[1]", "nonsense"]) {
      expect(read(text)).toEqual({ ok: true, value: { kind: "read_output" } });
    }
    expect(read(JSON.stringify({ a: "x".repeat(300_000) })).ok).toBe(false);
    expect(read(`${'{"a":'.repeat(70)}1${"}".repeat(70)}`).ok).toBe(false);
  });
});
