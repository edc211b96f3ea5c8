/**
 * Who may decide and complete items of the Inbox with authentication on: by name, group, scope, and never an agent.
 * Boundary: the owner of approvals is a list of what it was asked to record. The way of a decision to its gate is
 * test/integration/builtin/inbox.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type CallOptions, type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Inbox, ItemState, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { StepRunState, StepType } from "../../gen/workflows/v1/workflows_pb.ts";
import { createApprovalDecider } from "../../src/collaborators/approval-decider.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import type { PersonsDecision } from "../../src/engine/values/approval-decision.ts";
import { createLog } from "../../src/process/log.ts";
import { type RpcService, refusedBy, startRpcService } from "../support/services/rpc-service.ts";

/** `words/subject`, `agent/words/subject`: the token says it all. */
async function find(token: string): Promise<Caller> {
  const [subject = "", words = "", agent = ""] = token.split("/").reverse();
  const isAgent = agent === "agent";
  return { subject, workspaceId: "ws", scopes: grantedScopes(words.split("+"), isAgent), isAgent };
}

const log = createLog({ level: "error", format: "json", write: () => undefined });
const decisions: PersonsDecision[] = [];
let service: RpcService;
let inbox: Client<typeof Inbox>;
let definitions = 0;

beforeAll(async () => {
  const decideApproval = async (made: PersonsDecision) => void decisions.push(made);
  service = await startRpcService({ callers: { find }, decideApproval });
  inbox = createClient(
    Inbox,
    createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" }),
  );
});
beforeEach(() => void decisions.splice(0));
afterAll(() => service.stop());

const as = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });
const ADMIN = as("admin/root");
const APPROVER = "approver";

/** A run with a gate that has its request and a task; their items and the gate's digest. */
async function start(approver: string, assignee: string, initiatorUserId = "") {
  const { client } = service;
  const config: JsonObject = approver === "" ? {} : { approvers: [approver] };
  const steps = [
    { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay", config },
    { id: "task", name: "T", stepType: StepType.HUMAN_TASK, config: { assignee } },
  ];
  const name = `definition_${++definitions}`;
  const { definition } = await client.createDefinition({ name }, ADMIN);
  const definitionId = definition?.id ?? "";
  await client.publishVersion({ definitionId, steps }, ADMIN);
  const { run } = await client.startRun({ definitionId, initiatorUserId }, ADMIN);
  const runId = run?.id ?? "";
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_1" };
  await client.transitionStep({ runId, ...waiting }, ADMIN);
  const gate = `${runId}/gate/1`;
  const { item } = await inbox.get({ id: gate }, ADMIN);
  expect(item?.state).toBe(ItemState.OPEN);
  return { runId, gate, task: `${runId}/task/1`, digest: item?.digest ?? "" };
}

type Started = Awaited<ReturnType<typeof start>>;

function decide({ gate: id, digest }: Started, token: string) {
  return inbox.decide({ id, digest, verdict: Verdict.APPROVE, comment: "why" }, as(token));
}

test("a decision of who is asked goes to the owner with the subject of the token", async () => {
  const run = await start("ann", "");
  const { item } = await decide(run, `${APPROVER}/ann`);
  expect(item).toMatchObject({ state: ItemState.DONE, decisions: [{ decidedBy: "ann" }] });
  expect(decisions).toMatchObject([
    {
      requestId: "apr_1",
      workspaceId: "ws",
      decision: "approved",
      decidedBy: "ann",
      reason: "why",
    },
  ]);
});

describe.each([
  { named: "ann", token: `${APPROVER}/bob`, who: "another person" },
  { named: "ann", token: "admin/root", who: "an admin who is not asked" },
  { named: "ann", token: `agent/${APPROVER}/ann`, who: "an agent with the name and the scope" },
  { named: "ann", token: "agent/admin/ann", who: "an agent that is an admin" },
  { named: "", token: "agent/admin/ann", who: "an agent where no person is named" },
  { named: "", token: "operator/bob", who: "a caller without the scope" },
  { named: "group:finance", token: `${APPROVER}/ann`, who: "a person where a group is named" },
])("$who", ({ named, token }) => {
  test("decides nothing and completes nothing", async () => {
    const run = await start(named, named);
    expect((await refusedBy(decide(run, token))).error.code).toBe(Code.PermissionDenied);
    const complete = inbox.completeTask({ id: run.task }, as(token));
    expect((await refusedBy(complete)).error.code).toBe(Code.PermissionDenied);
    expect(decisions).toEqual([]);
    expect(
      (await inbox.count({}, as(token.replace("operator", "viewer")))).totalSize,
    ).toBeGreaterThan(1);
  });
});

test.each([
  { named: "", token: `${APPROVER}/bob` },
  { named: "group:finance", token: "admin/root" },
])("$token acts where '$named' is asked", async ({ named, token }) => {
  const run = await start(named, named);
  await decide(run, token);
  expect((await inbox.completeTask({ id: run.task }, as(token))).item?.state).toBe(ItemState.DONE);
});

test("the initiator of a run does not decide", async () => {
  const run = await start("", "", "ann");
  expect((await refusedBy(decide(run, `${APPROVER}/ann`))).code).toBe("PermissionDenied");
  await decide(run, `${APPROVER}/bob`);
});

test("an agent decides no gate by TransitionStep either", async () => {
  const { runId } = await start("", "");
  const done = { runId, stepId: "gate", state: StepRunState.COMPLETED };
  const byAgent = service.client.transitionStep(done, as("agent/admin/ann"));
  expect((await refusedBy(byAgent)).code).toBe("PermissionDenied");
  const failed = { ...done, state: StepRunState.FAILED };
  const denied = service.client.transitionStep(failed, as("agent/admin/ann"));
  expect((await refusedBy(denied)).code).toBe("PermissionDenied");
  await service.client.transitionStep(done, ADMIN);
});

test("the header Workflows-Actor is refused beside a token", async () => {
  const { gate: id } = await start("ann", "");
  const headers = { authorization: `Bearer ${APPROVER}/bob`, "Workflows-Actor": "ann" };
  const refused = await refusedBy(inbox.decide({ id }, { headers }));
  expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["Workflows-Actor"] });
});

test("mine are the items that name the subject of the token", async () => {
  const run = await start("eve", "eve");
  const { items } = await inbox.list({ mine: true }, as(`${APPROVER}/eve`));
  expect(items.map(({ id }) => id).sort()).toEqual([run.gate, run.task]);
});

test("without an owner of approvals a decision is refused, and the cause is named", async () => {
  const settings = { urls: {}, protocol: "connect", timeoutMs: 1, concurrency: 1 } as const;
  const made = { requestId: "apr_1", workspaceId: "ws", decision: "approved" } as const;
  const decider = createApprovalDecider(createClients(settings, log));
  await expect(
    decider({ ...made, decidedBy: "ann", reason: "", callId: "k" }),
  ).rejects.toMatchObject({
    reason: "illegal_move",
    message: expect.stringContaining("APPROVALS_URL"),
  });
});
