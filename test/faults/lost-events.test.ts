/**
 * A service that gets no event of what it waits for: each wait that has an owner ends within one interval of its end there.
 * Boundary: a real replica with a real bus, which stays silent; every owner ends its object right after it was asked
 * about it, so that the next question comes as late as it can.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  DelegateResponseSchema,
  DelegationStatus,
  GetDelegationRequestSchema,
  GetDelegationResponseSchema,
} from "../../gen/agents/v1/agents_pb.ts";
import {
  GetApprovalRequestSchema,
  GetApprovalResponseSchema,
  RequestApprovalResponseSchema,
} from "../../gen/approvals/v1/approvals_pb.ts";
import {
  CreateResponseSchema,
  GetRequestSchema,
  GetResponseSchema,
  ObjectiveState,
} from "../../gen/objectives/v1/objectives_pb.ts";
import { StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../support/assertions/until.ts";
import {
  type Answer,
  type AskedOnce,
  messageOf,
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";
import { type Cluster, type Replica, startCluster } from "../support/services/replicas.ts";

const INTERVAL_MS = 6_000;
/** For the questions themselves, on a machine that is busy. */
const SLOW_MACHINE_MS = 600;
const workspaceId = "ws";

let cluster: Cluster;
let owners: TestCollaborator;
let replica: Replica;
/** When each object ended, by its id: right after the first question about it. */
const endedAtMs = new Map<string, number>();

beforeAll(async () => {
  cluster = await startCluster();
  owners = await startCollaborator(answerOf);
  const urls = { OBJECTIVES_URL: owners.url, AGENTS_URL: owners.url, APPROVALS_URL: owners.url };
  replica = await cluster.start({ ...urls, RECONCILE_INTERVAL_MS: String(INTERVAL_MS) });
});
afterAll(async () => {
  await cluster?.stop();
  await owners?.stop();
});

/** Whether it has ended; the first question ends it for the next one. */
function hasEnded(id: string): boolean {
  if (endedAtMs.has(id)) return true;
  endedAtMs.set(id, Date.now());
  return false;
}

function answerOf({ path, body }: AskedOnce, n: number): Answer {
  switch (path.split("/").at(-1)) {
    case "Create":
      return messageOf(CreateResponseSchema, { objective: { id: `obj_${n}` } });
    case "Delegate":
      return messageOf(DelegateResponseSchema, { delegation: { id: `del_${n}` } });
    case "RequestApproval":
      return messageOf(RequestApprovalResponseSchema, { approvalRequest: { id: `apr_${n}` } });
    case "Get":
      return objectiveOf(fromBinary(GetRequestSchema, body).id);
    case "GetDelegation":
      return delegationOf(fromBinary(GetDelegationRequestSchema, body).id);
    case "GetApproval":
      return approvalOf(fromBinary(GetApprovalRequestSchema, body).approvalRequestId);
    default:
      return { status: 404, json: { code: "not_found", message: path } };
  }
}

function objectiveOf(id: string): Answer {
  const state = hasEnded(id) ? ObjectiveState.COMPLETED : ObjectiveState.RUNNING;
  return messageOf(GetResponseSchema, { objective: { id, workspaceId, state } });
}

function delegationOf(id: string): Answer {
  const status = hasEnded(id) ? DelegationStatus.COMPLETED : DelegationStatus.ACCEPTED;
  const resultPayload = new TextEncoder().encode('{"found":1}');
  const delegation = { id, workspaceId, status, resultPayload };
  return messageOf(GetDelegationResponseSchema, { delegation });
}

function approvalOf(approvalRequestId: string): Answer {
  const state = hasEnded(approvalRequestId) ? "approved" : "pending";
  return messageOf(GetApprovalResponseSchema, {
    approvalRequest: { id: approvalRequestId, workspaceId },
    state,
  });
}

it.concurrent.each([
  { wait: "objective", step: { stepType: StepType.AGENT_ACTION, agentId: "a1" } },
  {
    wait: "delegation",
    step: { stepType: StepType.AGENT_ACTION, agentId: "a1", config: { delegate: true } },
  },
  { wait: "approval_request", step: { stepType: StepType.APPROVAL_GATE, actionType: "pay" } },
])("$wait: its step ends within one interval of its end", async ({ wait, step }) => {
  const { workflows } = replica;
  const { definition } = await workflows.createDefinition({ workspaceId, name: wait });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: [{ id: "work", ...step }] });
  const { run } = await workflows.startRun({ definitionId });
  const completed = `select ${wait}_id as id, completed_at as at from step_runs
    where run_id = $1 and state = 'COMPLETED'`;
  const { id, at } = await until(
    async () => (await cluster.rows<{ id: string; at: Date }>(completed, [run?.id]))[0],
    4 * INTERVAL_MS,
  );
  const tookMs = at.getTime() - (endedAtMs.get(id) ?? Number.NaN);
  expect(tookMs).toBeGreaterThan(0);
  expect(tookMs).toBeLessThan(INTERVAL_MS + SLOW_MACHINE_MS);
});
