/**
 * Who may decide and complete items of the Inbox with authentication on: by name, group, scope, and never an agent.
 * Boundary: the owner of approvals is a list of what it was asked to record. The way of a decision to its gate is
 * test/integration/builtin/inbox.test.ts.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { type CallOptions, type Client, Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Inbox, ItemKind, ItemState, Verdict } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import { Runs } from "../../gen/workflows/ops/v1/runs_pb.ts";
import { StepRunState, StepType, TriggerType } from "../../gen/workflows/v1/workflows_pb.ts";
import { createApprovalDecider } from "../../src/collaborators/approval-decider.ts";
import { createClients } from "../../src/collaborators/clients.ts";
import { type Caller, grantedScopes } from "../../src/collaborators/identity/callers.ts";
import type { PersonsDecision } from "../../src/engine/values/approval-decision.ts";
import { createLog } from "../../src/process/log.ts";
import { Refusal } from "../../src/process/refusal.ts";
import { stepReport } from "../support/builders/step-reports.ts";
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
let runs: Client<typeof Runs>;
let definitions = 0;
/** What happens while a decision is recorded. */
let meanwhile: (() => Promise<unknown>) | undefined;

beforeAll(async () => {
  const decideApproval = async (made: PersonsDecision) => {
    decisions.push(made);
    await meanwhile?.();
  };
  service = await startRpcService({ callers: { find }, decideApproval });
  const transport = createConnectTransport({ baseUrl: service.baseUrl, httpVersion: "1.1" });
  inbox = createClient(Inbox, transport);
  runs = createClient(Runs, transport);
});
beforeEach(() => {
  decisions.splice(0);
  meanwhile = undefined;
});
afterAll(() => service.stop());

const as = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });
const ADMIN = as("admin/starter");
const APPROVER = "approver";

/** A run with a gate that has its request and a task; their items and the gate's digest. */
async function start(
  approver: string | string[],
  assignee: string,
  initiatorUserId = "",
  more: JsonObject = {},
) {
  const { client } = service;
  const approvers = [approver].flat().filter((name) => name !== "");
  const config: JsonObject = { ...(approvers.length === 0 ? {} : { approvers }), ...more };
  const retryPolicy = { maxRetries: 1 };
  const task = { id: "task", name: "T", stepType: StepType.HUMAN_TASK, config: { assignee } };
  const steps = [
    { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay", config },
    { ...task, retryPolicy },
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

describe("a gate that a denial holds while a decision is recorded", () => {
  async function decideMeanwhile(verdict: Verdict) {
    const run = await start("ann", "", "", { on_error: "hold" });
    meanwhile = () => denied(run);
    const request = { id: run.gate, digest: run.digest, verdict, comment: "why" };
    return { run, decided: inbox.decide(request, as(`${APPROVER}/ann`)) };
  }

  /** The owner's event. */
  function denied({ runId }: Started) {
    const said = { requestId: "apr_1", decision: "DENIED", decidedBy: "ann", reason: "why" };
    const cause = { kind: "event", id: "e1", by: "ann" } as const;
    return service.processor.submit({
      ...{ kind: "input", runId, workspaceId: "ws" },
      input: { kind: "approval_decided", stepIndex: 0, report: { ...said, digest: "" }, cause },
    });
  }

  test("is answered with the denial as it is recorded", async () => {
    const { run, decided } = await decideMeanwhile(Verdict.DENY);
    expect((await decided).item).toMatchObject({
      ...{ id: run.gate, state: ItemState.DONE },
      decisions: [{ decision: "denied", decidedBy: "ann", reason: "why" }],
    });
    const { item } = await inbox.get({ id: `${run.runId}/gate/0` }, ADMIN);
    expect(item).toMatchObject({ kind: ItemKind.HELD, state: ItemState.OPEN });
  });

  test("is not approved", async () => {
    const { decided } = await decideMeanwhile(Verdict.APPROVE);
    expect((await refusedBy(decided)).code).toBe("FailedPrecondition");
  });
});

test("the title of a gate is rendered, in lists too", async () => {
  const { gate } = await start("ann", "", "", {
    title: "Run {{ run.definition_version }} of {{ 1 + 1 }}",
  });
  const { item } = await inbox.get({ id: gate }, ADMIN);
  const { items } = await inbox.list({ pageSize: 500 }, ADMIN);
  const titles = [item, items.find(({ id }) => id === gate)].map((each) => each?.title);
  expect(titles).toEqual(["Run 1 of 2", "Run 1 of 2"]);
});

test("a title that is rendered as an empty text gives way to the name of the step", async () => {
  const { gate } = await start("ann", "", "", { title: "{{ '' }}" });
  const { item } = await inbox.get({ id: gate }, ADMIN);
  expect(item?.title).toBe("G");
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

test("who started the run does not decide, whoever is named as its initiator, unless the gate allows it", async () => {
  for (const initiator of ["", "ann"]) {
    const run = await start("", "", initiator);
    expect((await refusedBy(decide(run, "admin/starter"))).code).toBe("PermissionDenied");
  }
  const { runId } = await start("", "");
  const { definition } = await service.client.createDefinition({ name: "child" }, ADMIN);
  const definitionId = definition?.id ?? "";
  const gate = { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
  await service.client.publishVersion({ definitionId, steps: [gate] }, ADMIN);
  const by = as("admin/child_starter");
  const { run: child } = await service.client.startRun({ definitionId, parentRunId: runId }, by);
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_2" };
  await service.client.transitionStep({ runId: child?.id ?? "", ...waiting }, ADMIN);
  const id = `${child?.id}/gate/1`;
  const { item } = await inbox.get({ id }, ADMIN);
  const request = { id, digest: item?.digest ?? "", verdict: Verdict.APPROVE };
  for (const starter of ["starter", "child_starter"]) {
    const refused = await refusedBy(inbox.decide(request, as(`admin/${starter}`)));
    expect(refused.code).toBe("PermissionDenied");
  }
  const own = await start("", "", "ann", { allow_self_approval: true });
  await decide(own, `${APPROVER}/ann`);
  await decide(await start("", "", "", { allow_self_approval: true }), "admin/starter");
});

test("an agent reruns nothing that reuses a decision", async () => {
  const { runId } = await start("", "");
  const done = { runId, state: StepRunState.COMPLETED };
  await service.client.transitionStep({ ...done, stepId: "gate", agentId: "bob" }, ADMIN);
  await service.client.cancelRun({ id: runId }, ADMIN);
  const rerun = async (fromStepId: string, token: string) => {
    const { plan } = await runs.planRerun({ runId, fromStepId }, as(token));
    const planId = plan?.id ?? "";
    return runs.rerun({ runId, fromStepId, planId, reason: "again" }, as(token));
  };
  const refused = await refusedBy(rerun("task", "agent/operator/a1"));
  expect(refused).toMatchObject({
    code: "PermissionDenied",
    error: { rawMessage: expect.stringContaining("step gate") },
  });
  expect((await rerun("gate", "agent/operator/a1")).run?.id).not.toBe(runId);
});

test("who started a run does not decide its rerun, whoever reruns it", async () => {
  const { runId: first } = await start("", "");
  let runId = first;
  for (const by of ["admin/zoe", "admin/kim"]) {
    await service.client.cancelRun({ id: runId }, ADMIN);
    const { plan } = await runs.planRerun({ runId }, ADMIN);
    const { run } = await runs.rerun({ runId, planId: plan?.id ?? "", reason: "again" }, as(by));
    runId = run?.id ?? "";
  }
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_4" };
  await service.client.transitionStep({ runId, ...waiting }, ADMIN);
  const id = `${runId}/gate/1`;
  const { item } = await inbox.get({ id }, ADMIN);
  const request = { id, digest: item?.digest ?? "", verdict: Verdict.APPROVE };
  for (const starter of ["starter", "zoe", "kim"]) {
    const refused = await refusedBy(inbox.decide(request, as(`admin/${starter}`)));
    expect(refused.code, starter).toBe("PermissionDenied");
  }
  await inbox.decide(request, as("admin/bob"));
});

test("a run that HandleTrigger started is decided by another person", async () => {
  const { client } = service;
  const { definition } = await client.createDefinition({ name: "by_event" }, ADMIN);
  const definitionId = definition?.id ?? "";
  const gate = { id: "gate", name: "G", stepType: StepType.APPROVAL_GATE, actionType: "pay" };
  const trigger = { triggerType: TriggerType.EVENT, eventType: "bill.made" };
  await client.publishVersion({ definitionId, trigger, steps: [gate] }, ADMIN);
  const { startedRuns } = await client.handleTrigger(trigger, as("admin/zoe"));
  const runId = startedRuns[0]?.id ?? "";
  const waiting = { stepId: "gate", state: StepRunState.WAITING, approvalRequestId: "apr_3" };
  await client.transitionStep({ runId, ...waiting }, ADMIN);
  const id = `${runId}/gate/1`;
  const { item } = await inbox.get({ id }, ADMIN);
  const request = { id, digest: item?.digest ?? "", verdict: Verdict.APPROVE };
  expect((await refusedBy(inbox.decide(request, as("admin/zoe")))).code).toBe("PermissionDenied");
  await inbox.decide(request, as("admin/bob"));
});

test("one person does not count as two of a gate's approvers", async () => {
  const run = await start(["group:finance", "group:legal"], "");
  const first = { runId: run.runId, stepId: "gate", state: StepRunState.COMPLETED };
  const byHand = { ...first, approvalRequestId: "apr_1", agentId: "bob" };
  // The report of another admin in bob's name: the tickets record who decided.
  await service.client.transitionStep(byHand, ADMIN);
  const second = { ...run, gate: `${run.runId}/gate/2` };
  expect((await refusedBy(decide(second, "admin/bob"))).code).toBe("PermissionDenied");
  expect(decisions).toEqual([]);
});

test("a person who decided for a group decides the request in the person's own name too", async () => {
  const run = await start(["group:finance", "bob"], "");
  const first = { runId: run.runId, stepId: "gate", state: StepRunState.COMPLETED };
  const byHand = { ...first, approvalRequestId: "apr_1", agentId: "bob" };
  await service.client.transitionStep(byHand, ADMIN);
  const value = { kind: "request_approval", requestId: "apr_2", autoApproved: false } as const;
  await service.processor.submit({
    kind: "input",
    runId: run.runId,
    workspaceId: "ws",
    input: {
      kind: "call_returned",
      callId: `${run.runId}/gate/1/request_approval-2`,
      call: "request_approval",
      ...{ stepIndex: 0, attempt: 1, result: { ok: true, value } },
      cause: { kind: "call", id: "request_approval-2" },
    },
  });
  await decide({ ...run, gate: `${run.runId}/gate/2` }, `${APPROVER}/bob`);
  expect(decisions).toMatchObject([{ requestId: "apr_2", decidedBy: "bob" }]);
});

test("a decision is refused when the gate went on without it while it was recorded", async () => {
  const run = await start("", "");
  meanwhile = () => service.client.cancelRun({ id: run.runId }, ADMIN);
  const refused = await refusedBy(decide(run, `${APPROVER}/bob`));
  expect(refused).toMatchObject({ code: "FailedPrecondition" });
  expect(refused.error.rawMessage).toContain("void");
});

test("a repeat by whom the item was delegated to is no further decision, also when its first answer was lost", async () => {
  const run = await start("ann", "");
  const dan = as(`${APPROVER}/dan`);
  await inbox.delegate({ id: run.gate, to: "dan" }, as(`${APPROVER}/ann`));
  meanwhile = async () => {
    const done = { runId: run.runId, stepId: "gate", state: StepRunState.COMPLETED };
    await service.client.transitionStep(
      { ...done, approvalRequestId: "apr_1", agentId: "dan" },
      ADMIN,
    );
    throw new Refusal("unavailable", "the answer is lost");
  };
  const { gate: id, digest } = run;
  const request = { id, digest, verdict: Verdict.APPROVE };
  const keyed = { headers: { ...dan.headers, "Idempotency-Key": `key_${id}` } };
  expect((await refusedBy(inbox.decide(request, keyed))).code).toBe("Unavailable");
  meanwhile = undefined;
  expect((await inbox.decide(request, keyed)).item).toMatchObject({ state: ItemState.DONE });
  expect(new Set(decisions.map(({ callId }) => callId)).size).toBe(1);
  // Without a key it is a further decision; of another person it is none at all.
  expect((await refusedBy(inbox.decide(request, dan))).code).toBe("FailedPrecondition");
  const eve = { headers: { ...as(`${APPROVER}/eve`).headers, "Idempotency-Key": "eves" } };
  expect((await refusedBy(inbox.decide(request, eve))).code).toBe("PermissionDenied");
  expect(decisions).toHaveLength(2);
});

// `held` is a note of the service too.
test.each(["as on the phone", "held"])(
  "a completed task keeps who did it and why: %s",
  async (reason) => {
    const { task: id, runId } = await start("", "");
    const { item } = await inbox.completeTask({ id, reason }, as(`${APPROVER}/bob`));
    const done = { completedBy: "bob", completionReason: reason };
    expect(item).toMatchObject(done);
    expect((await inbox.get({ id }, ADMIN)).item).toMatchObject(done);
    const { moves } = await runs.getHistory({ runId, newestFirst: true }, ADMIN);
    const change = moves.flatMap(({ changes }) => changes).find(({ stepId }) => stepId === "task");
    expect(change).toMatchObject({ reason, note: "", operation: "completed" });
    const { attempts } = await runs.getAttempts({ runId, stepId: "task" }, ADMIN);
    expect(attempts).toMatchObject([{ attempt: 1, state: StepRunState.COMPLETED }]);
    const long = inbox.completeTask({ id, reason: "x".repeat(5_000) }, as(`${APPROVER}/bob`));
    expect(await refusedBy(long)).toMatchObject({ fields: ["reason"] });
  },
);

test("a completion of an attempt that failed meanwhile leaves the next one open", async () => {
  const { runId, task } = await start("", "");
  const failed = { runId, stepId: "task", state: StepRunState.FAILED };
  await service.client.transitionStep(failed, ADMIN);
  const { reply } = await service.processor.submit({
    kind: "input",
    runId,
    workspaceId: "ws",
    input: {
      kind: "step_reported",
      report: stepReport("task", "COMPLETED", { attempt: 1 }),
      cause: { kind: "rpc", id: "CompleteTask" },
    },
  });
  expect(reply.kind).toBe("unchanged");
  const next = await inbox.get({ id: task.replace(/1$/, "2") }, ADMIN);
  expect(next.item?.state).toBe(ItemState.OPEN);
  const late = await refusedBy(inbox.completeTask({ id: task }, as(`${APPROVER}/bob`)));
  expect(late.code).toBe("FailedPrecondition");
});

test("kinds and page tokens that no list has are named", async () => {
  const kinds = [ItemKind.UNSPECIFIED];
  expect(await refusedBy(inbox.list({ kinds }, ADMIN))).toMatchObject({ fields: ["kinds"] });
  await start("", "");
  const { nextPageToken } = await inbox.list({ pageSize: 1 }, ADMIN);
  const parts = JSON.parse(Buffer.from(nextPageToken, "base64url").toString("utf8"));
  const spoilt: [place: number, value: unknown][] = [
    [0, 9e15],
    [1, "a\u0000"],
    [2, 40_000],
    [3, -1],
  ];
  for (const [at, value] of spoilt) {
    const text = JSON.stringify(Object.assign([...parts], { [at]: value }));
    const pageToken = Buffer.from(text).toString("base64url");
    const refused = await refusedBy(inbox.list({ pageSize: 1, pageToken }, ADMIN));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["page_token"] });
  }
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
