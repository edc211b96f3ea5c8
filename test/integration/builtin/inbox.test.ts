/**
 * The Inbox of the real service with APPROVALS_URL=builtin and nothing else: items, decisions, tasks, without authentication.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server. Who may act by a token is test/contract/inbox.test.ts.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  Inbox,
  type InboxItem,
  ItemKind,
  ItemState,
  Verdict,
} from "../../../gen/workflows/ops/v1/inbox_pb.ts";
import {
  type StepDefinitionSchema,
  StepRunState,
  StepType,
  WorkflowState,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import { until } from "../../support/assertions/until.ts";
import { type Cluster, type Replica, startCluster } from "../../support/services/replicas.ts";
import { refusedBy } from "../../support/services/rpc-service.ts";

type Steps = MessageInitShape<typeof StepDefinitionSchema>[];

const SCHEMA = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
const STEPS: Steps = [
  {
    id: "gate",
    name: "Gate",
    stepType: StepType.APPROVAL_GATE,
    actionType: "pay",
    config: { approvers: ["ann", "bob"], title: "Pay it" },
  },
  {
    id: "task",
    name: "Task",
    stepType: StepType.HUMAN_TASK,
    config: {
      instructions: "Do {{ input.what }}",
      assignee: "{{ input.who }}",
      output_schema: SCHEMA,
    },
  },
];
const EDGES = [{ fromStepId: "gate", toStepId: "task", label: "approved" }];
const INPUT = { what: "the work", who: "cid" };
let cluster: Cluster;
let service: Replica;
let inbox: Client<typeof Inbox>;
let workspaces = 0;

beforeAll(async () => {
  cluster = await startCluster();
  const settings = { APPROVALS_URL: "builtin" };
  service = await cluster.start(settings);
  const other = await cluster.start(settings);
  inbox = createClient(Inbox, createGrpcTransport({ baseUrl: other.url }));
});
afterAll(() => cluster.stop());

const as = (actor: string, more: Readonly<Record<string, string>> = {}): CallOptions => ({
  headers: { "Workflows-Actor": actor, ...more },
});

interface Started {
  readonly workspaceId: string;
  readonly runId: string;
}

/** A run in a workspace of its own, whose gate has both its requests. */
async function start(more: { steps?: Steps; initiatorUserId?: string } = {}) {
  const workspaceId = `ws_${++workspaces}`;
  const { workflows } = service;
  const { definition } = await workflows.createDefinition({ workspaceId, name: "pay" });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: more.steps ?? STEPS, edges: EDGES });
  const { initiatorUserId = "" } = more;
  const begun = { definitionId, inputPayload: INPUT, initiatorUserId };
  const { run } = await workflows.startRun(begun);
  const started = { workspaceId, runId: run?.id ?? "" };
  await stepIs(started, "gate", StepRunState.WAITING);
  return started;
}

function stepIs({ runId }: Started, stepId: string, state: StepRunState) {
  return until(async () => {
    const { run } = await service.workflows.getRun({ id: runId });
    const step = run?.steps.find((each) => each.stepId === stepId);
    return step?.state === state ? step : undefined;
  });
}

async function itemsOf({ workspaceId }: Started, more = {}): Promise<InboxItem[]> {
  return (await inbox.list({ workspaceId, ...more })).items;
}

async function approve(id: string, actor: string) {
  const { item } = await inbox.get({ id });
  return inbox.decide({ id, verdict: Verdict.APPROVE, digest: item?.digest ?? "" }, as(actor));
}

describe("items", () => {
  it("are the open requests and tasks of a workspace, with what they ask", async () => {
    const run = await start();
    const [bobs, anns] = await itemsOf(run);
    expect([anns, bobs]).toMatchObject(
      ["ann", "bob"].map((assignee, at) => ({
        id: `${run.runId}/gate/${at + 1}`,
        ...{ kind: ItemKind.APPROVAL, state: ItemState.OPEN, title: "Pay it", assignee },
        ...{ actionType: "pay", riskLevel: "LOW", needed: 2, given: 0 },
        decisions: [],
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        approvalRequestId: expect.stringMatching(/^apr_/),
      })),
    );
    expect(anns?.payload).toBeUndefined();
    expect((await inbox.get({ id: anns?.id ?? "" })).item).toMatchObject({
      payload: INPUT,
      decisions: [{ approver: "ann", decision: "" }, { approver: "bob" }],
    });
    await approve(`${run.runId}/gate/1`, "ann");
    await approve(`${run.runId}/gate/2`, "bob");
    await stepIs(run, "task", StepRunState.WAITING);
    expect(await itemsOf(run)).toMatchObject([
      {
        id: `${run.runId}/task/1`,
        ...{ kind: ItemKind.TASK, title: "Task", assignee: "cid" },
        instructions: "Do the work",
      },
    ]);
    expect((await inbox.get({ id: `${run.runId}/task/1` })).item?.outputSchema).toEqual(SCHEMA);
    expect(await inbox.get({ id: `${run.runId}/gate/1` })).toMatchObject({
      item: { state: ItemState.DONE, given: 2, decisions: [{ decidedBy: "unverified:ann" }, {}] },
    });
  });

  it("are filtered by person and kind, counted, and paged without gaps", async () => {
    const run = await start();
    const { workspaceId } = run;
    expect(await inbox.count({ workspaceId })).toMatchObject({ totalSize: 2 });
    expect(await inbox.count({ workspaceId, kinds: [ItemKind.TASK] })).toMatchObject({
      totalSize: 0,
    });
    const mine = await inbox.list({ workspaceId, mine: true }, as("bob"));
    expect(mine).toMatchObject({ totalSize: 1, items: [{ assignee: "bob" }], nextPageToken: "" });
    expect(await inbox.count({ workspaceId, mine: true }, as("cid"))).toMatchObject({
      totalSize: 0,
    });
    const first = await inbox.list({ workspaceId, pageSize: 1 });
    const pageToken = first.nextPageToken;
    const second = await inbox.list({ workspaceId, pageSize: 1, pageToken });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(
      (await itemsOf(run)).map(({ id }) => id),
    );
    const other = { workspaceId, pageToken, kinds: [ItemKind.TASK] };
    expect(await refusedBy(inbox.list(other))).toMatchObject({
      code: "InvalidArgument",
      fields: ["page_token"],
    });
  });

  it("are gone when their run is cancelled", async () => {
    const run = await start();
    await service.workflows.cancelRun({ id: run.runId });
    expect(await itemsOf(run)).toEqual([]);
    expect(await inbox.get({ id: `${run.runId}/gate/1` })).toMatchObject({
      item: { state: ItemState.VOID },
    });
    expect(await refusedBy(approve(`${run.runId}/gate/1`, "ann"))).toMatchObject({
      code: "FailedPrecondition",
    });
  });

  it.each(["x", "wfr_none/gate/1", "RUN/gate/3", "RUN/none/1", "RUN/task/1", "RUN/gate/0"])(
    "%s is none",
    async (id) => {
      const { runId } = await start();
      expect((await refusedBy(inbox.get({ id: id.replace("RUN", runId) }))).code).toBe("NotFound");
    },
  );
});

describe("Decide", () => {
  it("ends the gate by the event of the decision, which names the person as unverified", async () => {
    const run = await start();
    const denied = { id: `${run.runId}/gate/2`, verdict: Verdict.DENY, comment: "too dear" };
    const { digest = "" } = (await inbox.get({ id: denied.id })).item ?? {};
    expect(await inbox.decide({ ...denied, digest }, as("bob"))).toMatchObject({
      item: { state: ItemState.DONE, decisions: [{}, { decision: "denied", reason: "too dear" }] },
    });
    const gate = await stepIs(run, "gate", StepRunState.FAILED);
    expect(gate.errorMessage).toContain("too dear");
    expect(await itemsOf(run)).toEqual([]);
  });

  it("is refused without an actor, for who is not asked, for another digest, and the second time", async () => {
    const run = await start();
    const id = `${run.runId}/gate/1`;
    const { digest = "" } = (await inbox.get({ id })).item ?? {};
    const request = { id, verdict: Verdict.APPROVE, digest };
    expect(await refusedBy(inbox.decide(request))).toMatchObject({
      code: "InvalidArgument",
      fields: ["Workflows-Actor"],
    });
    expect((await refusedBy(inbox.decide(request, as("bob")))).code).toBe("PermissionDenied");
    const stale = { ...request, digest: digest.replace(/^./, (c) => (c === "0" ? "1" : "0")) };
    expect((await refusedBy(inbox.decide(stale, as("ann")))).code).toBe("FailedPrecondition");
    expect(await refusedBy(inbox.decide({ id }, as("ann")))).toMatchObject({
      fields: ["digest", "verdict"],
    });
    expect(await itemsOf(run)).toHaveLength(2);
    const key = { "Idempotency-Key": "one" };
    const first = await inbox.decide(request, as("ann", key));
    expect(await inbox.decide(request, as("ann", key))).toEqual(first);
    expect((await refusedBy(inbox.decide(request, as("ann")))).code).toBe("FailedPrecondition");
    await until(async () => ((await itemsOf(run)).length === 1 ? true : undefined));
    expect((await refusedBy(inbox.decide(request, as("ann")))).code).toBe("FailedPrecondition");
  });

  it("is refused for the initiator of the run, unless the gate allows it", async () => {
    const gates = (allowed: boolean) =>
      STEPS.map((step) => ({
        ...step,
        config: { ...step.config, ...(step.id === "gate" ? { allow_self_approval: allowed } : {}) },
      }));
    const own = await start({ initiatorUserId: "ann", steps: gates(false) });
    expect((await refusedBy(approve(`${own.runId}/gate/1`, "ann"))).code).toBe("PermissionDenied");
    await approve(`${own.runId}/gate/2`, "bob");
    const open = await start({ initiatorUserId: "ann", steps: gates(true) });
    await approve(`${open.runId}/gate/1`, "ann");
  });

  it("is refused after the request has expired, and the next approver is asked", async () => {
    const escalating = { approvers: ["ann"], escalate_after_seconds: 1, escalate_to: ["dan"] };
    const steps = STEPS.map((step) =>
      step.id === "gate" ? { ...step, config: escalating } : step,
    );
    const run = await start({ steps });
    const [dans] = await until(async () => {
      const items = await itemsOf(run);
      return items[0]?.assignee === "dan" ? items : undefined;
    });
    expect((await refusedBy(approve(`${run.runId}/gate/1`, "ann"))).code).toBe(
      "FailedPrecondition",
    );
    expect((await inbox.get({ id: `${run.runId}/gate/1` })).item?.state).toBe(ItemState.EXPIRED);
    // The second request expires too; with no one left the gate takes its end.
    expect(dans?.id).toBe(`${run.runId}/gate/2`);
  });
});

describe("CompleteTask", () => {
  it("checks the output, and takes it once, by who is asked", async () => {
    const run = await start();
    for (const [at, actor] of ["ann", "bob"].entries()) {
      await approve(`${run.runId}/gate/${at + 1}`, actor);
    }
    await stepIs(run, "task", StepRunState.WAITING);
    const id = `${run.runId}/task/1`;
    const request = { id, output: { n: 1 } };
    expect((await refusedBy(inbox.completeTask(request, as("ann")))).code).toBe("PermissionDenied");
    const wrong = { id, output: { n: "one" } };
    expect((await refusedBy(inbox.completeTask(wrong, as("cid")))).code).toBe("InvalidArgument");
    const gate = { id: `${run.runId}/gate/1` };
    expect((await refusedBy(inbox.completeTask(gate, as("ann")))).code).toBe("InvalidArgument");
    expect(await itemsOf(run)).toHaveLength(1);
    const key = { "Idempotency-Key": "task" };
    const done = await inbox.completeTask(request, as("cid", key));
    expect(done.item).toMatchObject({ state: ItemState.DONE });
    expect(await inbox.completeTask(request, as("cid", key))).toEqual(done);
    expect((await refusedBy(inbox.completeTask(request, as("cid")))).code).toBe(
      "FailedPrecondition",
    );
    const { run: ended } = await service.workflows.getRun({ id: run.runId });
    expect(ended).toMatchObject({ state: WorkflowState.COMPLETED, outputPayload: { n: 1 } });
    expect(await itemsOf(run)).toEqual([]);
  });
});
