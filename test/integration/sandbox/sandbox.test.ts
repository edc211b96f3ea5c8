/**
 * The sandbox as its users meet it: calls by the Connect protocol, answers by events on the bus.
 *
 * Boundary: needs a nats-server with JetStream, named by `TEST_NATS_URL`.
 */
import { randomUUID } from "node:crypto";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { TimestampSchema, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { connect, consumerOpts, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AgentService, DelegationStatus } from "../../../gen/agents/v1/agents_pb.ts";
import {
  ApprovalService,
  DecisionType,
  RiskLevel,
} from "../../../gen/approvals/v1/approvals_pb.ts";
import { ActionDecision, GovernanceService } from "../../../gen/governance/v1/governance_pb.ts";
import { IntrospectResponseSchema, TokenService } from "../../../gen/identity/v1/tokens_pb.ts";
import { NotificationService } from "../../../gen/notifications/v1/notifications_pb.ts";
import { ObjectiveService, ObjectiveState } from "../../../gen/objectives/v1/objectives_pb.ts";
import { RegistryService } from "../../../gen/registry/v1/registry_pb.ts";
import { isJsonObject } from "../../../src/sandbox/bus.ts";
import { type Sandbox, startSandbox } from "../../../src/sandbox/sandbox.ts";
import type { SandboxScript } from "../../../src/sandbox/script.ts";
import { publishTapEvent } from "../../../src/sandbox/tap.ts";

interface Seen {
  readonly event: JsonObject;
  readonly contentType: string;
  readonly messageId: string;
}

const script: SandboxScript = {
  agents: [
    { id: "agent_a", capabilities: ["research"] },
    { id: "agent_b", capabilities: ["outreach"], status: "offline" },
  ],
  tasks: [
    {
      match: { stepId: "research" },
      reply: { afterMs: 20, output: (task) => ({ about: task.input }), costUsd: 0.5 },
    },
    { match: { stepId: "long" }, reply: { afterMs: 60_000 } },
    { match: { stepId: "broken" }, reply: { afterMs: 0, fail: "no luck" } },
    { match: { stepId: "refused" }, reply: { afterMs: 0, refuse: Code.PermissionDenied } },
    { match: { stepId: "slow" }, reply: { afterMs: 0, silent: true } },
    {
      match: { stepId: "careful" },
      reply: { afterMs: 0, askApproval: true, output: { done: true } },
    },
  ],
  approvals: [
    { match: { actionType: "send_email" }, decision: "approved", afterMs: 10, decidedBy: "boss" },
    { match: { riskLevel: "critical" }, decision: "denied", afterMs: 10, reason: "too risky" },
  ],
  tokens: [
    { token: "good", subject: "user_1", workspaceId: "ws_a", scopes: ["editor"], lastsMs: 60_000 },
    { token: "over", subject: "user_1", workspaceId: "ws_a", scopes: ["editor"], lastsMs: 0 },
    { token: "revoked", subject: "user_1", workspaceId: "ws_a", scopes: [], revoked: true },
  ],
  governance: [{ match: { actionType: "wire_money" }, decision: "deny", reasons: ["limit"] }],
};

const natsUrl = process.env.TEST_NATS_URL ?? "";
const workspaceId = `ws_${randomUUID()}`;
const seen: Seen[] = [];
let sandbox: Sandbox;
let connection: NatsConnection;
let objectives: Client<typeof ObjectiveService>;
let agents: Client<typeof AgentService>;
let approvals: Client<typeof ApprovalService>;

beforeAll(async () => {
  sandbox = await startSandbox({ natsUrl, script });
  connection = await connect({ servers: natsUrl });
  for (const topic of ["objectives.changes.>", "agents.changes.>", "approvals.changes.>"]) {
    await collect(topic);
  }
  await collect("siphon.tap.>");
  const baseUrl = sandbox.urls.OBJECTIVES_URL;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  objectives = createClient(ObjectiveService, transport);
  agents = createClient(AgentService, transport);
  approvals = createClient(ApprovalService, transport);
});

afterAll(async () => {
  await connection?.close();
  await sandbox?.stop();
});

test("an objective runs and ends with the scripted output and cost, in events", async () => {
  const id = await makeObjective("research", { company: "Acme" });
  await expectStates(id, ["OBJECTIVE_STATE_RUNNING", "OBJECTIVE_STATE_COMPLETED"]);
  const { event, contentType, messageId } = lastEventAbout(id);
  expect(contentType).toBe("application/cloudevents+json");
  expect(messageId).toBe(event.id);
  expect(event).toMatchObject({
    specversion: "1.0",
    type: "objectives.changes.objective.transition",
    source: "objectives",
    tenantid: workspaceId,
    dataschema: expect.stringMatching(/events\.v1\.Change$/),
    data: {
      aggregate_type: "objective",
      aggregate_id: id,
      operation: "transition",
      actor_type: "agent",
      actor_id: "agent_a",
      payload: { id, output_payload: { about: { company: "Acme" } }, cost_usd: 0.5 },
    },
  });
  const { objective } = await objectives.get({ id });
  expect(objective?.state).toBe(ObjectiveState.COMPLETED);
});

test("a failing task ends as FAILED, a refused one is never made", async () => {
  const id = await makeObjective("broken");
  await expectStates(id, ["OBJECTIVE_STATE_RUNNING", "OBJECTIVE_STATE_FAILED"]);
  expect(readPayload(lastEventAbout(id))).toMatchObject({ error_message: "no luck" });
  await expect(makeObjective("refused")).rejects.toMatchObject({ code: Code.PermissionDenied });
  const made = sandbox.ledgers.objectives.map(({ request }) => request.description);
  expect(made).not.toContain(describe("refused"));
});

test("a repeated key gets the first answer and makes nothing", async () => {
  const headers = { "Idempotency-Key": `run/${randomUUID()}/1/create` };
  const request = { workspaceId, agentId: "agent_a", description: describe("slow") };
  const replayed: (string | null)[] = [];
  const call = () =>
    objectives.create(request, {
      headers,
      onHeader: (header) => replayed.push(header.get("x-idempotent-replay")),
    });
  const first = await call();
  const second = await call();
  expect(second.objective?.id).toBe(first.objective?.id);
  expect(replayed).toEqual([null, "true"]);
  const made = sandbox.ledgers.objectives.filter(
    (entry) => entry.idempotencyKey === headers["Idempotency-Key"],
  );
  expect(made.map(({ id }) => id)).toEqual([first.objective?.id]);
});

test("a cancelled objective says so, and its agent stops", async () => {
  const id = await makeObjective("long");
  await objectives.cancel({ id, reason: "not needed" });
  await expectFinalState(id, "OBJECTIVE_STATE_CANCELLED");
  expect(sandbox.ledgers.cancellations.at(-1)).toMatchObject({ id });
  const { objective } = await objectives.get({ id });
  expect(objective?.state).toBe(ObjectiveState.CANCELLED);
});

test("a delegated objective is answered by the delegation, then by itself", async () => {
  const objectiveId = await makeObjective("research");
  const { delegation } = await agents.delegate({ toAgentId: "agent_a", objectiveId });
  await expectFinalState(objectiveId, "OBJECTIVE_STATE_COMPLETED");
  const payload = readPayload(lastEventAbout(delegation?.id ?? ""));
  expect(payload).toMatchObject({
    status: "DELEGATION_STATUS_COMPLETED",
    result_payload: { about: {} },
    cost_usd: 0.5,
  });
  await expectDelegationResult(delegation?.id ?? "");
});

test("an agent that finishes before the delegation is made answers it all the same", async () => {
  const objectiveId = await makeObjective("research");
  await expectFinalState(objectiveId, "OBJECTIVE_STATE_COMPLETED");
  const { delegation } = await agents.delegate({ toAgentId: "agent_a", objectiveId });
  const id = delegation?.id ?? "";
  await vi.waitFor(() =>
    expect(readPayload(lastEventAbout(id)).status).toBe("DELEGATION_STATUS_COMPLETED"),
  );
  await expectDelegationResult(id);
});

test("the scripted approver decides by rule; without a rule a person does", async () => {
  const approved = await askApproval("send_email", RiskLevel.LOW);
  const denied = await askApproval("drop_table", RiskLevel.CRITICAL);
  const open = await askApproval("anything", RiskLevel.LOW);
  await expectDecision(approved, "DECISION_TYPE_APPROVED", "boss");
  await expectDecision(denied, "DECISION_TYPE_DENIED", "user_sandbox");
  const { requests } = await approvals.listPending({ workspaceId });
  expect(requests.map(({ id }) => id)).toEqual([open]);
  await approvals.escalate({ approvalRequestId: open, reason: "no answer" });
  const decision = DecisionType.APPROVED;
  await approvals.resolveApproval({ approvalRequestId: open, decision, decidedBy: "user_1" });
  await expectDecision(open, "DECISION_TYPE_APPROVED", "user_1");
  const found = await approvals.getApproval({ approvalRequestId: open });
  expect(found.state).toBe("approved");
  expect(found.decisions).toHaveLength(2);
});

test("an agent that asks first waits for the approval", async () => {
  const id = await makeObjective("careful", {}, "send_email");
  await expectStates(id, [
    "OBJECTIVE_STATE_AWAITING_APPROVAL",
    "OBJECTIVE_STATE_RUNNING",
    "OBJECTIVE_STATE_COMPLETED",
  ]);
});

test("registry, governance and notifications answer over gRPC and gRPC-Web too", async () => {
  const baseUrl = sandbox.urls.REGISTRY_URL;
  const grpc = createGrpcTransport({ baseUrl });
  const grpcWeb = createGrpcWebTransport({ baseUrl, httpVersion: "1.1" });
  const found = await createClient(RegistryService, grpc).discover({ capability: "research" });
  expect(found.agents).toMatchObject([{ id: "agent_a", status: "active", capacity: { max: 10 } }]);
  const governance = createClient(GovernanceService, grpcWeb);
  const judged = await governance.evaluateAction({ workspaceId, actionType: "wire_money" });
  expect(judged.evaluation).toMatchObject({ decision: ActionDecision.DENY, reasons: ["limit"] });
  const allowed = await governance.evaluateAction({ workspaceId, actionType: "look" });
  expect(allowed.evaluation?.decision).toBe(ActionDecision.ALLOW);
  const notifications = createClient(NotificationService, grpc);
  const { notification } = await notifications.send({ workspaceId, subject: "Hello" });
  expect(sandbox.ledgers.notifications.at(-1)).toMatchObject({ id: notification?.id });
});

test("a token is active only while it is good", async () => {
  const transport = createGrpcTransport({ baseUrl: sandbox.urls.IDENTITY_URL });
  const tokens = createClient(TokenService, transport);
  const good = await tokens.introspect({ token: "good" });
  expect(good).toMatchObject({ active: true, subject: "user_1", organizationId: "ws_a" });
  expect(good.scopes).toEqual(["editor"]);
  expect(timestampMs(good.expiresAt ?? create(TimestampSchema))).toBeGreaterThan(Date.now());
  for (const token of ["over", "revoked", "unknown", ""]) {
    const answer = await tokens.introspect({ token });
    expect(answer).toEqual(create(IntrospectResponseSchema, { active: false }));
  }
});

test("a tap event carries the record under its own subject", async () => {
  const id = await publishTapEvent(connection, {
    ...{ workspaceId, provider: "gmail", entityType: "message", entityId: "m1" },
    action: "received",
    snapshot: { from: "dana@example.com" },
    changes: { read: { from: true, to: false } },
  });
  await vi.waitFor(() => expect(seen.some(({ messageId }) => messageId === id)).toBe(true));
  const found = seen.find(({ messageId }) => messageId === id);
  expect(found?.event).toMatchObject({
    type: "siphon.tap.gmail.message.received",
    data: {
      "@type": "type.googleapis.com/tap.v1.TapEventData",
      entity_type: "message",
      snapshot: { from: "dana@example.com" },
      changes: { read: { from: true, to: false } },
    },
  });
});

async function collect(topic: string): Promise<void> {
  const options = consumerOpts();
  options.orderedConsumer();
  options.deliverNew();
  const subscription = await connection.jetstream().subscribe(topic, options);
  const read = async (): Promise<void> => {
    for await (const message of subscription) {
      const event: unknown = message.json();
      if (!isJsonObject(event) || event.tenantid !== workspaceId) continue;
      const contentType = message.headers?.get("Content-Type") ?? "";
      const messageId = message.headers?.get("Nats-Msg-Id") ?? "";
      seen.push({ event, contentType, messageId });
    }
  };
  read().catch((error: unknown) => console.error(error));
}

function describe(stepId: string, input: JsonObject = {}, actionType = ""): string {
  return JSON.stringify({ step_id: stepId, attempt: 1, action_type: actionType, input });
}

async function makeObjective(
  stepId: string,
  input: JsonObject = {},
  actionType = "",
): Promise<string> {
  const description = describe(stepId, input, actionType);
  const { objective } = await objectives.create({ workspaceId, agentId: "agent_a", description });
  return objective?.id ?? "";
}

async function askApproval(actionType: string, riskLevel: RiskLevel): Promise<string> {
  const { approvalRequest } = await approvals.requestApproval({
    ...{ workspaceId, actionType, riskLevel },
  });
  return approvalRequest?.id ?? "";
}

function readPayload({ event }: Seen): JsonObject {
  const payload = isJsonObject(event.data) ? event.data.payload : undefined;
  return isJsonObject(payload) ? payload : {};
}

function listEventsAbout(aggregateId: string): Seen[] {
  return seen.filter(
    ({ event }) => isJsonObject(event.data) && event.data.aggregate_id === aggregateId,
  );
}

function lastEventAbout(aggregateId: string): Seen {
  const found = listEventsAbout(aggregateId).at(-1);
  if (found) return found;
  throw new Error(`no event about ${aggregateId}`);
}

async function expectStates(id: string, states: readonly string[]): Promise<void> {
  await vi.waitFor(() =>
    expect(listEventsAbout(id).map((one) => readPayload(one).state)).toEqual(states),
  );
}

async function expectFinalState(id: string, state: string): Promise<void> {
  await vi.waitFor(() => expect(readPayload(lastEventAbout(id)).state).toBe(state));
}

async function expectDecision(id: string, decision: string, decidedBy: string): Promise<void> {
  await vi.waitFor(() =>
    expect(readPayload(lastEventAbout(id))).toMatchObject({
      approval_request_id: id,
      decision,
      decided_by: decidedBy,
    }),
  );
}

async function expectDelegationResult(id: string): Promise<void> {
  const { delegation } = await agents.getDelegation({ id });
  expect(delegation?.status).toBe(DelegationStatus.COMPLETED);
  const result = new TextDecoder().decode(delegation?.resultPayload);
  expect(JSON.parse(result)).toEqual({ about: {} });
}
