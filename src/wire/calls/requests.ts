/**
 * Calls to collaborators as request bytes, made once and sent as they are on every try.
 * Boundary: pure; which service a kind of call goes to is known by egress/performers.
 * Invariant: the bytes of `look_up` and `read_output` are JSON of our own, for these need several
 * requests, as are those of calls to this service itself (own-calls.ts); all others are the protobuf of the collaborator's request message.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { DelegateRequestSchema } from "../../../gen/agents/v1/agents_pb.ts";
import {
  RiskLevel as ApprovalRisk,
  EscalateRequestSchema,
  RequestApprovalRequestSchema,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import { EvaluateActionRequestSchema } from "../../../gen/governance/v1/governance_pb.ts";
import { QueryUsageRequestSchema } from "../../../gen/meter/v1/meter_pb.ts";
import {
  DeliveryChannel,
  NotificationCategory,
  Priority,
  SendRequestSchema,
} from "../../../gen/notifications/v1/notifications_pb.ts";
import {
  CancelRequestSchema,
  CreateRequestSchema,
} from "../../../gen/objectives/v1/objectives_pb.ts";
import type {
  Call,
  CreateObjective,
  Delegate,
  EscalateApproval,
  EvaluateAction,
  LookUp,
  QueryUsage,
  ReadOutput,
  RequestApproval,
  SendNotification,
} from "../../engine/values/call.ts";
import { jsonText } from "../../engine/values/call.ts";
import { shortName } from "../../engine/values/enum-names.ts";
import type { Json } from "../../engine/values/json.ts";
import { environmentOf, fieldsOf } from "./own-calls.ts";

/** The origin that objectives and approvals carry. */
const SURFACE = "workflows";

const utf8 = new TextEncoder();

/** The request bytes of a call; the same call gives the same bytes. */
export function encodeCall(call: Call): Uint8Array {
  switch (call.kind) {
    case "look_up":
    case "read_output":
    case "start_run":
    case "cancel_run":
    case "compensate_run":
    case "tell_parent":
    case "start_rerun":
      return utf8.encode(JSON.stringify(call));
    case "query_usage":
      return encodeQueryUsage(call);
    case "create_objective":
      return encodeCreateObjective(call);
    case "delegate":
      return encodeDelegate(call);
    case "cancel_objective":
      return toBinary(
        CancelRequestSchema,
        create(CancelRequestSchema, { id: call.objectiveId, reason: call.reason }),
      );
    case "request_approval":
      return encodeRequestApproval(call);
    case "escalate_approval":
      return encodeEscalateApproval(call);
    case "evaluate_action":
      return encodeEvaluateAction(call);
    case "send_notification":
      return encodeSendNotification(call);
  }
}

/** Reads the bytes of a `look_up` again; a field that is missing is "". */
export function decodeLookUp(request: Uint8Array): LookUp {
  const fields = fieldsOf(request);
  const { text } = fields;
  return {
    kind: "look_up",
    ...environmentOf(fields),
    workspaceId: text("workspaceId"),
    agentId: text("agentId"),
    capability: text("capability"),
    skillId: text("skillId"),
    promptName: text("promptName"),
  };
}

/** Reads the bytes of a `read_output` again; a field that is missing is "". */
export function decodeReadOutput(request: Uint8Array): ReadOutput {
  const { text } = fieldsOf(request);
  return {
    kind: "read_output",
    delegationId: text("delegationId"),
    objectiveId: text("objectiveId"),
  };
}

function jsonBytes(value: Json): Uint8Array {
  return utf8.encode(jsonText(value));
}

function encodeCreateObjective(call: CreateObjective): Uint8Array {
  return toBinary(
    CreateRequestSchema,
    create(CreateRequestSchema, {
      workspaceId: call.workspaceId,
      agentId: call.agentId,
      surface: SURFACE,
      title: call.title,
      description: call.description,
    }),
  );
}

function encodeDelegate(call: Delegate): Uint8Array {
  return toBinary(
    DelegateRequestSchema,
    create(DelegateRequestSchema, {
      fromAgentId: call.fromAgentId,
      toAgentId: call.toAgentId,
      requiredCapability: call.capability,
      objectiveId: call.objectiveId,
      workflowRunId: call.runId,
      workflowStepId: call.stepId,
      contextPayload: utf8.encode(call.context),
      reason: call.reason,
    }),
  );
}

const USAGE_KEY = "workflow_step";

function encodeQueryUsage({ runId, stepId }: QueryUsage): Uint8Array {
  const request = { metadataKey: USAGE_KEY, metadataValue: `${runId}/${stepId}` };
  return toBinary(QueryUsageRequestSchema, create(QueryUsageRequestSchema, request));
}

const RISKS: ReadonlyMap<string, ApprovalRisk> = new Map(Object.entries(ApprovalRisk));

function encodeRequestApproval(call: RequestApproval): Uint8Array {
  return toBinary(
    RequestApprovalRequestSchema,
    create(RequestApprovalRequestSchema, {
      workspaceId: call.workspaceId,
      agentId: call.agentId,
      surface: SURFACE,
      actionType: call.actionType,
      actionPayload: jsonBytes(call.payload),
      riskLevel: RISKS.get(shortName(call.riskLevel, "RISK_LEVEL_")) ?? ApprovalRisk.LOW,
      contextJson: jsonText(call.context),
      approverUserId: call.approver,
    }),
  );
}

function encodeEscalateApproval({ requestId, reason }: EscalateApproval): Uint8Array {
  const request = { approvalRequestId: requestId, reason };
  return toBinary(EscalateRequestSchema, create(EscalateRequestSchema, request));
}

function encodeEvaluateAction(call: EvaluateAction): Uint8Array {
  return toBinary(
    EvaluateActionRequestSchema,
    create(EvaluateActionRequestSchema, {
      workspaceId: call.workspaceId,
      agentId: call.agentId,
      actionType: call.actionType,
      actionPayload: jsonBytes(call.payload),
      ...(call.environment === undefined ? {} : { context: { environment: call.environment } }),
    }),
  );
}

const CHANNELS: ReadonlyMap<string, DeliveryChannel> = new Map(Object.entries(DeliveryChannel));
const PRIORITIES: ReadonlyMap<string, Priority> = new Map(Object.entries(Priority));

function encodeSendNotification(call: SendNotification): Uint8Array {
  const channel = CHANNELS.get(shortName(call.channel, "DELIVERY_CHANNEL_"));
  return toBinary(
    SendRequestSchema,
    create(SendRequestSchema, {
      workspaceId: call.workspaceId,
      recipientId: call.recipient,
      channel: channel ?? DeliveryChannel.UNSPECIFIED,
      priority: PRIORITIES.get(shortName(call.priority, "PRIORITY_")) ?? Priority.NORMAL,
      subject: call.subject,
      body: call.body,
      // A channel without a number in the contract is sent by its name.
      metadataJson:
        channel === undefined && call.channel !== "" ? jsonText({ channel: call.channel }) : "",
      category: NotificationCategory.GENERAL,
      templateName: call.template,
      templateVariablesJson: jsonText(call.variables),
    }),
  );
}
