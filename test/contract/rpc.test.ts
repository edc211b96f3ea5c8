/**
 * Each RPC of WorkflowService on a real database, in every protocol, and what their answers hold.
 */
import { createHash } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  PreconditionFailureSchema,
  ResourceInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import {
  StepRunState,
  StepType,
  TriggerType,
  WorkflowService,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import {
  type RpcService,
  refusedBy,
  startRpcService,
  TRANSPORTS,
} from "../support/services/rpc-service.ts";

let service: RpcService;
let workspaceId = "";
let count = 0;
beforeAll(async () => {
  service = await startRpcService();
});
afterAll(() => service.stop());
beforeEach(() => {
  workspaceId = `ws_${++count}`;
});

const task = (id: string, more: object = {}) => ({
  id,
  name: `Task ${id}`,
  stepType: StepType.HUMAN_TASK,
  ...more,
});

/** A definition with one version of two tasks in a row. */
async function publishTasks(client: RpcService["client"], more: object = {}) {
  const { definition } = await client.createDefinition({ workspaceId, name: `n${++count}` });
  const definitionId = definition?.id ?? "";
  const request = { definitionId, steps: [task("a"), task("b")], ...more };
  const edges = [{ fromStepId: "a", toStepId: "b" }];
  await client.publishVersion({ edges, ...request });
  return definitionId;
}

describe.each(TRANSPORTS)("%s", (_name, transportTo) => {
  test("all fourteen RPCs", async () => {
    const client = createClient(WorkflowService, transportTo(service.baseUrl));
    const made = await client.createDefinition({
      workspaceId,
      name: "orders",
      description: "what it does",
      tags: ["sales"],
    });
    expect(made.definition).toMatchObject({ workspaceId, name: "orders", latestVersion: 0 });
    const definitionId = made.definition?.id ?? "";
    expect(definitionId).toMatch(/^wf_/);
    const published = await client.publishVersion({
      definitionId,
      steps: [task("a", { config: { instructions: "do it" } }), task("b")],
      edges: [{ fromStepId: "a", toStepId: "b", label: "then" }],
      trigger: { triggerType: TriggerType.EVENT, eventType: "order.*" },
      defaultRetryPolicy: { maxRetries: 2, backoffSeconds: 1, backoffMultiplier: 1.5 },
      timeoutSeconds: 60,
      author: "me",
    });
    expect(published.definition?.latestVersion).toBe(1);
    const { definition } = await client.getDefinition({ id: definitionId });
    expect(definition).toEqual(published.definition);
    const { versions } = await client.listVersions({ definitionId });
    expect(versions).toEqual([published.version]);
    expect(versions[0]).toMatchObject({
      version: 1,
      author: "me",
      timeoutSeconds: 60,
      steps: [{ id: "a", config: { instructions: "do it" } }, { id: "b" }],
      edges: [{ fromStepId: "a", toStepId: "b", label: "then" }],
      trigger: { triggerType: TriggerType.EVENT, eventType: "order.*" },
      defaultRetryPolicy: { maxRetries: 2, backoffSeconds: 1, backoffMultiplier: 1.5 },
    });
    const listed = await client.listDefinitions({ workspaceId, tag: "sales" });
    expect(listed).toMatchObject({ definitions: [{ id: definitionId }], total: 1 });

    const { run } = await client.startRun({
      definitionId,
      entityId: "e1",
      inputPayload: { deal: 7.5, nested: { list: [1, null, "x"] } },
    });
    expect(run).toMatchObject({
      workspaceId,
      definitionVersion: 1,
      state: WorkflowState.RUNNING,
      triggerType: TriggerType.MANUAL,
      inputPayload: { deal: 7.5, nested: { list: [1, null, "x"] } },
      steps: [
        { stepId: "a", stepName: "Task a", state: StepRunState.WAITING },
        { stepId: "b", state: StepRunState.PENDING },
      ],
    });
    const id = run?.id ?? "";
    expect((await client.getRun({ id })).run).toEqual(run);
    expect((await client.pauseRun({ id, reason: "lunch" })).run?.state).toBe(WorkflowState.PAUSED);
    expect((await client.resumeRun({ id })).run?.state).toBe(WorkflowState.RUNNING);
    const moved = await client.transitionStep({
      runId: id,
      stepId: "a",
      state: StepRunState.COMPLETED,
      outputPayload: { done: true },
      costUsd: 0.25,
    });
    expect(moved.step).toMatchObject({
      state: StepRunState.COMPLETED,
      outputPayload: { done: true },
    });
    expect(moved.run).toMatchObject({ totalCostUsd: 0.25, steps: [moved.step, { stepId: "b" }] });
    expect(moved.run?.steps[1]?.inputPayload).toEqual({ done: true });
    const runs = await client.listRuns({
      workspaceId,
      entityId: "e1",
      state: WorkflowState.RUNNING,
    });
    expect(runs.total).toBe(1);
    expect(runs.runs[0]?.inputPayload).toBeUndefined();
    expect(runs.runs[0]?.steps).toMatchObject([
      { stepId: "a", stepName: "Task a", stepType: StepType.HUMAN_TASK, costUsd: 0 },
      { stepId: "b", state: StepRunState.WAITING },
    ]);
    expect((await client.cancelRun({ id })).run?.state).toBe(WorkflowState.CANCELLED);
    expect((await client.compensateRun({ id })).run?.state).toBe(WorkflowState.CANCELLED);

    const trigger = {
      workspaceId,
      triggerType: TriggerType.EVENT,
      triggerEventId: "ev1",
      eventType: "order.made",
      initiatorAgentId: "agent_a",
      initiatorUserId: "user_u",
      entityId: "order_1",
      entityType: "order",
      inputPayload: { n: 1 },
    };
    const first = await client.handleTrigger(trigger);
    const { eventType: _, ...withoutType } = trigger;
    expect(first.startedRuns).toMatchObject([withoutType]);
    const again = await client.handleTrigger(trigger);
    expect(again.startedRuns.map((one) => one.id)).toEqual([first.startedRuns[0]?.id]);
    expect(again.updatedRuns).toEqual([]);
  });
});

describe("StartRun", () => {
  test.each([
    ["not sent stays unset", undefined],
    ["sent empty comes back empty", {}],
  ])("an input that was %s", async (_what, inputPayload) => {
    const { client } = service;
    const config = { instructions: "{{ has(input.n) ? 'some' : 'none' }}" };
    const definitionId = await publishTasks(client, { steps: [task("a", { config })], edges: [] });
    const { run } = await client.startRun({
      definitionId,
      ...(inputPayload === undefined ? {} : { inputPayload }),
    });
    expect(run?.inputPayload).toEqual(inputPayload);
    expect(run?.outputPayload).toBeUndefined();
    const id = run?.id ?? "";
    expect((await client.getRun({ id })).run?.inputPayload).toEqual(inputPayload);
    const ended = await client.transitionStep({
      runId: id,
      stepId: "a",
      state: StepRunState.COMPLETED,
    });
    expect(ended.run).toMatchObject({ state: WorkflowState.COMPLETED });
    expect(ended.run?.inputPayload).toEqual(inputPayload);
  });
});

describe("HandleTrigger", () => {
  test("a repeat updates no run, nor one that waits since then", async () => {
    const { client } = service;
    const wait = { id: "wait", stepType: StepType.WAIT_FOR_EVENT, eventTypePattern: "order.paid" };
    const definitionId = await publishTasks(client, { steps: [wait], edges: [] });
    const trigger = {
      workspaceId,
      triggerType: TriggerType.EVENT,
      triggerEventId: "paid-1",
      eventType: "order.paid",
    };
    const before = await client.startRun({ definitionId });
    const first = await client.handleTrigger(trigger);
    expect(first.updatedRuns.map(({ id }) => id)).toEqual([before.run?.id]);
    const since = await client.startRun({ definitionId });
    expect((await client.handleTrigger(trigger)).updatedRuns).toEqual([]);
    const other = await client.handleTrigger({ ...trigger, triggerEventId: "paid-2" });
    expect(other.updatedRuns.map(({ id }) => id)).toEqual([since.run?.id]);
  });

  test("a repeat names what the event started, also when no trigger matches it any more", async () => {
    const { client } = service;
    const event = { triggerType: TriggerType.EVENT, eventType: "order.made" };
    const definitionId = await publishTasks(client, { trigger: event });
    const call = { workspaceId, triggerEventId: "made-1", ...event };
    const first = await client.handleTrigger(call);
    const trigger = { ...event, eventType: "order.changed" };
    await client.publishVersion({ definitionId, steps: [task("a")], trigger });
    const again = await client.handleTrigger(call);
    expect(first.startedRuns).toHaveLength(1);
    expect(again.startedRuns.map(({ id }) => id)).toEqual(first.startedRuns.map(({ id }) => id));
    const other = await client.handleTrigger({
      ...{ workspaceId, triggerEventId: "made-1", triggerType: TriggerType.WEBHOOK },
      tapProvider: "shop",
    });
    expect(other.startedRuns).toEqual([]);
  });

  test("SCHEDULE starts the definitions of the workspace whose latest version has this line", async () => {
    const { client } = service;
    const trigger = (cronExpr: string) => ({ triggerType: TriggerType.SCHEDULE, cronExpr });
    const line = "CRON_TZ=Europe/Paris 0 9 * * MON";
    const wanted = [
      await publishTasks(client, { trigger: trigger(line) }),
      await publishTasks(client, { trigger: trigger(` ${line} `) }),
    ];
    await publishTasks(client, { trigger: trigger("0 9 * * MON") });
    const moved = await publishTasks(client, { trigger: trigger(line) });
    await client.publishVersion({ definitionId: moved, steps: [task("a")] });
    const call = { workspaceId, ...trigger(`${line} `), inputPayload: { why: "by hand" } };
    const { startedRuns, updatedRuns } = await client.handleTrigger(call);
    expect(startedRuns.map(({ definitionId }) => definitionId).sort()).toEqual(wanted.sort());
    expect(startedRuns[0]).toMatchObject({
      triggerType: TriggerType.SCHEDULE,
      inputPayload: { why: "by hand" },
    });
    expect(updatedRuns).toEqual([]);
    const again = await client.handleTrigger(call);
    expect(again.startedRuns).toHaveLength(2);
    const ids = [...startedRuns, ...again.startedRuns].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    const named = { ...call, triggerEventId: "monday" };
    const first = await client.handleTrigger(named);
    const repeated = await client.handleTrigger(named);
    expect(repeated.startedRuns.map(({ id }) => id).sort()).toEqual(
      first.startedRuns.map(({ id }) => id).sort(),
    );
    const elsewhere = await client.handleTrigger({ ...call, workspaceId: "ws_elsewhere" });
    expect(elsewhere.startedRuns).toEqual([]);
  });
});

describe("StartRun", () => {
  test("a trigger_event_id starts one run, also when an event started it", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client, {
      trigger: { triggerType: TriggerType.EVENT, eventType: "order.made" },
    });
    const byEvent = await client.handleTrigger({
      workspaceId,
      triggerType: TriggerType.EVENT,
      triggerEventId: "once",
      eventType: "order.made",
    });
    const { run } = await client.startRun({ definitionId, triggerEventId: "once" });
    expect(byEvent.startedRuns.map(({ id }) => id)).toEqual([run?.id]);
    expect((await client.listRuns({ workspaceId })).total).toBe(1);
  });

  test("versions by number, an unset type with a parent, and a child's parent", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client);
    await client.publishVersion({ definitionId, steps: [task("only")] });
    const old = await client.startRun({ definitionId, definitionVersion: 1 });
    expect(old.run?.steps).toHaveLength(2);
    const parentRunId = old.run?.id ?? "";
    const { run } = await client.startRun({ definitionId, parentRunId });
    expect(run).toMatchObject({
      definitionVersion: 2,
      triggerType: TriggerType.WORKFLOW,
      parentRunId,
    });
  });

  test("what is missing, unpublished or another workspace's", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client);
    const { definition } = await client.createDefinition({ workspaceId, name: "empty" });
    const { run: foreign } = await client.startRun({ definitionId });
    workspaceId = "ws_other";
    const other = await publishTasks(client);
    const notFound = { code: "NotFound", reason: "NOT_FOUND" };
    const table: [object, object][] = [
      [{ definitionId: "wf_none" }, notFound],
      [{ definitionId, workspaceId: "ws_other" }, notFound],
      [{ definitionId, definitionVersion: 9 }, notFound],
      [{ definitionId, parentRunId: "wfr_none" }, notFound],
      [{ definitionId: other, parentRunId: foreign?.id ?? "" }, notFound],
      [
        { definitionId: definition?.id ?? "" },
        { code: "FailedPrecondition", reason: "NOTHING_PUBLISHED" },
      ],
    ];
    for (const [request, refused] of table) {
      expect(await refusedBy(client.startRun(request))).toMatchObject(refused);
    }
  });
});

describe("refusals of state", () => {
  test("say from and to", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client);
    const { run } = await client.startRun({ definitionId });
    const id = run?.id ?? "";
    await client.cancelRun({ id });
    for (const call of [client.pauseRun({ id }), client.resumeRun({ id })]) {
      const { code, reason, error } = await refusedBy(call);
      expect({ code, reason }).toEqual({ code: "FailedPrecondition", reason: "ILLEGAL_MOVE" });
      const [violation] = error.findDetails(PreconditionFailureSchema)[0]?.violations ?? [];
      expect(violation).toMatchObject({ type: "ILLEGAL_MOVE", subject: id });
      expect(violation?.description).toMatch(/^from CANCELLED to (PAUSED|RUNNING): /);
    }
    expect((await client.cancelRun({ id })).run?.state).toBe(WorkflowState.CANCELLED);
  });

  test("a name that is taken names its definition", async () => {
    const { client } = service;
    const { definition } = await client.createDefinition({ workspaceId, name: "one" });
    const { code, error } = await refusedBy(client.createDefinition({ workspaceId, name: "one" }));
    expect(code).toBe("AlreadyExists");
    expect(error.findDetails(ResourceInfoSchema)[0]).toMatchObject({
      resourceType: "definition",
      resourceName: definition?.id,
    });
  });
});

describe("TransitionStep", () => {
  const schema = {
    type: "object",
    required: ["ok"],
    properties: { ok: { type: "boolean" }, items: { type: "array", items: { type: "number" } } },
    additionalProperties: false,
  };

  test("a human task's output must keep its schema, and the step stays WAITING", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client, {
      steps: [task("a", { config: { output_schema: schema } })],
      edges: [],
    });
    const { run } = await client.startRun({ definitionId });
    const report = { runId: run?.id ?? "", stepId: "a", state: StepRunState.COMPLETED };
    const wrong = { items: [1, "two"], more: 1 };
    const refused = await refusedBy(client.transitionStep({ ...report, outputPayload: wrong }));
    expect(refused.code).toBe("InvalidArgument");
    expect(refused.fields.sort()).toEqual([
      "output_payload",
      "output_payload",
      "output_payload.items[1]",
    ]);
    expect((await refusedBy(client.transitionStep(report))).fields).toEqual(["output_payload"]);
    const { run: still } = await client.getRun({ id: report.runId });
    expect(still).toEqual(run);
    const { step } = await client.transitionStep({ ...report, outputPayload: { ok: true } });
    expect(step?.state).toBe(StepRunState.COMPLETED);
    // A repeat is answered with the step as it ended, also without the output.
    expect((await client.transitionStep(report)).step).toEqual(step);
  });

  test("an approval by hand that names another digest is refused, and the gate's own digest stands", async () => {
    const { client } = service;
    const gate = { ...task("a"), stepType: StepType.APPROVAL_GATE, config: { approvers: ["u"] } };
    const definitionId = await publishTasks(client, { steps: [gate], edges: [] });
    const { run } = await client.startRun({ definitionId });
    const report = { runId: run?.id ?? "", stepId: "a", state: StepRunState.COMPLETED };
    const refused = await refusedBy(
      client.transitionStep({ ...report, outputPayload: { digest: "0".repeat(64) } }),
    );
    expect([refused.code, refused.reason]).toEqual(["FailedPrecondition", "ILLEGAL_MOVE"]);
    expect((await client.getRun({ id: report.runId })).run).toEqual(run);
    const asked = '{"input":{},"step":"a","version":1}';
    const digest = createHash("sha256").update(asked).digest("hex");
    const outputPayload = { digest, approvals: "forged" };
    const { step } = await client.transitionStep({ ...report, outputPayload });
    expect(step?.outputPayload).toMatchObject({ digest, approvals: [{ approver: "u" }] });
  });

  test("the same final state again changes nothing", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client);
    const { run } = await client.startRun({ definitionId });
    const report = { runId: run?.id ?? "", stepId: "a", state: StepRunState.COMPLETED, costUsd: 1 };
    const first = await client.transitionStep({ ...report, outputPayload: { n: 1 } });
    const again = await client.transitionStep({ ...report, outputPayload: { n: 2 } });
    expect(again).toEqual(first);
  });
});

describe("lists", () => {
  test("newest first, page by page", async () => {
    const { client } = service;
    const ids: string[] = [];
    for (const name of ["one", "two", "three"]) {
      const { definition } = await client.createDefinition({ workspaceId, name });
      ids.unshift(definition?.id ?? "");
    }
    const page = async (limit: number, offset: number) => {
      const { definitions, total } = await client.listDefinitions({ workspaceId, limit, offset });
      return [definitions.map(({ id }) => id), total];
    };
    expect(await page(0, 0)).toEqual([ids, 3]);
    expect(await page(2, 1)).toEqual([ids.slice(1), 3]);
    expect(await page(500, 10_000)).toEqual([[], 3]);
  });

  test("show nothing of another workspace", async () => {
    const { client } = service;
    const definitionId = await publishTasks(client);
    await client.startRun({ definitionId });
    expect(await client.listRuns({ workspaceId: "ws_nobody", definitionId })).toMatchObject({
      runs: [],
      total: 0,
    });
  });
});
