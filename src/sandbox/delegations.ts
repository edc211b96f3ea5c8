/**
 * The delegations that were made, and their ends told to the bus.
 *
 * Boundary: keeps records; the work itself is the objective's (`objectives.ts`), the RPCs are in
 * `agents.ts`.
 */
import { create, enumToJson } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type DelegateRequest,
  type DelegationRecord,
  DelegationRecordSchema,
  DelegationStatus,
  DelegationStatusSchema,
} from "../../gen/agents/v1/agents_pb.ts";
import { type Outcome, renderOutcome } from "./outcome.ts";
import { makeId, remember, type Stage } from "./stage.ts";

/** The delegations of one sandbox. */
export interface Delegations {
  /** Makes a delegation that its agent has accepted. */
  open(request: DelegateRequest, workspaceId: string): DelegationRecord;
  find(id: string): DelegationRecord | undefined;
  /** Ends one that is open and publishes its event; one that has ended stays as it is. */
  resolve(record: DelegationRecord, status: DelegationStatus, outcome: Outcome): void;
  /** Ends the open delegation of an objective, if it has one, the way the objective ended. */
  resolveByObjective(objectiveId: string, outcome: Outcome): void;
}

/** Keeps the delegations of a stage. */
export function keepDelegations(stage: Stage): Delegations {
  const records = new Map<string, DelegationRecord>();
  const byObjective = new Map<string, DelegationRecord>();
  const resolve = (record: DelegationRecord, status: DelegationStatus, outcome: Outcome): void => {
    if (hasEnded(record)) return;
    settle(record, status, outcome);
    publishEnd(stage, record, outcome);
  };
  return {
    open(request, workspaceId) {
      const { $typeName: _, $unknown: __, ...fields } = request;
      const record = create(DelegationRecordSchema, {
        ...fields,
        id: makeId("del"),
        workspaceId,
        status: DelegationStatus.ACCEPTED,
        createdAt: timestampNow(),
      });
      remember(records, record.id, record);
      if (record.objectiveId !== "") remember(byObjective, record.objectiveId, record);
      return record;
    },
    find: (id) => records.get(id),
    resolve,
    resolveByObjective(objectiveId, outcome) {
      const record = byObjective.get(objectiveId);
      if (record === undefined || hasEnded(record)) return;
      // Only the objective reports that it was cancelled.
      if (outcome.kind === "cancelled") settle(record, DelegationStatus.FAILED, outcome);
      else if (outcome.kind === "failed") resolve(record, DelegationStatus.FAILED, outcome);
      else resolve(record, DelegationStatus.COMPLETED, outcome);
    },
  };
}

/** Whether a delegation has come to its end. */
export function hasEnded(record: DelegationRecord): boolean {
  return record.status !== DelegationStatus.PENDING && record.status !== DelegationStatus.ACCEPTED;
}

function settle(record: DelegationRecord, status: DelegationStatus, outcome: Outcome): void {
  record.status = status;
  record.resolvedAt = timestampNow();
  if (outcome.kind === "completed") {
    record.resultPayload = new TextEncoder().encode(JSON.stringify(outcome.output ?? {}));
  } else {
    record.errorMessage = outcome.kind === "failed" ? outcome.message : outcome.reason;
  }
}

function publishEnd(stage: Stage, record: DelegationRecord, outcome: Outcome): void {
  stage.bus.publishChange({
    service: "agents",
    aggregateType: "delegation",
    aggregateId: record.id,
    operation: "resolve",
    workspaceId: record.workspaceId,
    actorType: "agent",
    actorId: record.toAgentId,
    payload: {
      id: record.id,
      objective_id: record.objectiveId,
      workflow_run_id: record.workflowRunId,
      workflow_step_id: record.workflowStepId,
      status: enumToJson(DelegationStatusSchema, record.status),
      ...renderOutcome(outcome, "result_payload"),
    },
  });
}
