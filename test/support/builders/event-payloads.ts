/**
 * What each service's events say, in every shape that they may have: a Change around the object, the
 * service's own message, a Struct, plain JSON.
 *
 * Boundary: values; how they are written is written-events.ts's.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type EventData, MESSAGES } from "./written-events.ts";

/** A kind of data, and what its events say beside it. */
export interface Payload {
  readonly name: string;
  readonly data: EventData;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** An objective that is COMPLETED; its own message has no field for the output. */
export function completedObjective(id: string): Payload[] {
  const object = { id, state: "COMPLETED", output_payload: { ok: 1 }, cost_usd: 0.5 };
  return [
    change("objective", id, { ...object, state: "OBJECTIVE_STATE_COMPLETED" }),
    {
      name: "objectives.v1.Objective",
      data: { type: MESSAGES.objective, json: { id, state: "OBJECTIVE_STATE_COMPLETED" } },
    },
    ...bare(object),
  ];
}

/** A delegation that is COMPLETED with a result. */
export function completedDelegation(id: string): Payload[] {
  const bytes = Buffer.from('{"ok":1}').toString("base64");
  const object = { id, status: "completed", result_payload: { ok: 1 } };
  return [
    change("delegation", id, { id, status: 4, result_payload: bytes }),
    {
      name: "agents.v1.DelegationRecord",
      data: {
        type: MESSAGES.delegation,
        json: { id, status: "DELEGATION_STATUS_COMPLETED", result_payload: bytes },
      },
    },
    ...bare(object),
  ];
}

/** The approval of a request. */
export function approval(requestId: string): Payload[] {
  const object = { approval_request_id: requestId, decision: "approved", decided_by: "ann" };
  return [
    change("approval", requestId, { ...object, decision: "DECISION_TYPE_APPROVED" }),
    {
      name: "approvals.v1.ApprovalDecision",
      data: {
        type: MESSAGES.decision,
        json: { ...object, id: "dec_1", decision: "DECISION_TYPE_APPROVED" },
      },
    },
    ...bare(object),
  ];
}

/** A decision to allow; the evaluation's message leaves run and step to the envelope. */
export function allowance(runId: string, stepId: string): Payload[] {
  const object = { run_id: runId, step_id: stepId, decision: "Allow", reasons: ["small"] };
  return [
    change("evaluation", "ev_1", object),
    {
      name: "governance.v1.ActionEvaluation",
      data: {
        type: MESSAGES.evaluation,
        json: { decision: "ACTION_DECISION_ALLOW", reasons: ["small"] },
      },
      extensions: { runid: runId, stepid: stepId },
    },
    ...bare(object),
  ];
}

/** A change in an external system. */
export const TAP_EVENT: Payload = {
  name: "tap.v1.TapEventData",
  data: {
    type: MESSAGES.tap,
    json: {
      provider: "gmail",
      entity_type: "message",
      entity_id: "m1",
      action: "received",
      changes: { subject: { from: null, to: "Hi" } },
      snapshot: { thread: { id: "t1" }, labels: ["a", 1, true, null] },
      provider_timestamp: "2026-01-02T03:04:05.678Z",
    },
  },
};

/** Whatever a user's own event says: the data is the same in every shape. */
export function ownData(json: JsonObject): Payload[] {
  return bare(json);
}

function change(aggregateType: string, aggregateId: string, payload: JsonObject): Payload {
  const json = {
    seq: "7",
    organization_id: "not-the-tenant",
    aggregate_type: aggregateType,
    aggregate_id: aggregateId,
    operation: "transition",
    actor_type: "agent",
    actor_id: "agent-1",
    recorded_at: "2026-01-02T03:04:05Z",
    payload,
  };
  return { name: "events.v1.Change", data: { type: MESSAGES.change, json } };
}

function bare(json: JsonObject): Payload[] {
  return [
    { name: "google.protobuf.Struct", data: { type: MESSAGES.struct, json } },
    { name: "plain JSON", data: { json } },
  ];
}
