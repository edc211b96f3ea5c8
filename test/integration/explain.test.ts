/**
 * Runs.Explain over the whole service: a run stuck in each way is explained by its code, and by what ends the wait.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the service is a process of its own, with a sandbox for its
 * collaborators but governance, which the test answers for.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Inbox } from "../../gen/workflows/ops/v1/inbox_pb.ts";
import {
  EdgeState,
  type Explanation,
  Party_Kind,
  ReasonCode,
  RunVerdict,
  type WaitReason,
} from "../../gen/workflows/ops/v1/runs_pb.ts";
import {
  type PublishVersionRequestSchema,
  type StepDefinitionSchema,
  StepRunState,
  StepType,
  TriggerType,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { SandboxScript } from "../../src/sandbox/script.ts";
import { until } from "../support/assertions/until.ts";
import {
  startCollaborator,
  type TestCollaborator,
} from "../support/collaborators/collaborators.ts";
import { startWorld, type World } from "../support/services/fixture-world.ts";

type Step = MessageInitShape<typeof StepDefinitionSchema>;
type Version = MessageInitShape<typeof PublishVersionRequestSchema>;

const WORKSPACE = "ws_1";
const LATER = { maxRetries: 3, backoffSeconds: 3600 };
const SCRIPT: SandboxScript = {
  agents: [{ id: "agent_1", capabilities: ["write"] }],
  tasks: [
    { match: { stepId: "tried" }, reply: { afterMs: 0, fail: "the printer is out of paper" } },
    { match: {}, reply: { afterMs: 0, silent: true } },
  ],
  approvals: [{ match: {}, decision: "silent", afterMs: 0 }],
};

let world: World;
let governance: TestCollaborator;
let nats: NatsConnection;

beforeAll(async () => {
  governance = await startCollaborator(() => ({
    status: 503,
    json: { code: "unavailable", message: "closed" },
  }));
  world = await startWorld(SCRIPT, { GOVERNANCE_URL: governance.url, NOTIFICATIONS_URL: "" });
  nats = await connect({ servers: world.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await world?.stop();
  await governance?.stop();
});

/** Publishes a version and starts a run of it; gives the run's id. */
async function start(
  steps: readonly Step[],
  more: Version = {},
  inputPayload: JsonObject = {},
): Promise<string> {
  const { workflows } = world;
  const name = randomUUID();
  const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  await workflows.publishVersion({ definitionId, steps: [...steps], ...more });
  const { run } = await workflows.startRun({ definitionId, inputPayload });
  return run?.id ?? "";
}

async function explain(runId: string): Promise<Explanation> {
  const { explanation } = await world.runs.explain({ runId });
  if (explanation === undefined) throw new Error("an answer without an explanation");
  return explanation;
}

/** The explanation once it has a reason of this code, and that reason. */
function explained(
  runId: string,
  code: ReasonCode,
  patienceMs?: number,
): Promise<[WaitReason, Explanation]> {
  let last: Explanation | undefined;
  return until(async () => {
    last = await explain(runId);
    const reason = last.waits.find((each) => each.code === code);
    if (reason === undefined) return undefined;
    if (SEARCHED.has(code)) expect(await searched(code)).toContain(runId);
    return [reason, last] as [WaitReason, Explanation];
  }, patienceMs).catch((error) => {
    throw new Error(
      `no ${codeName(code)}: ${JSON.stringify(last?.waits.map((each) => [codeName(each.code), each.sentence]))}`,
      { cause: error },
    );
  });
}

/** Codes by which Search finds the run, too. */
const SEARCHED = new Set<ReasonCode>([
  ...[ReasonCode.APPROVAL, ReasonCode.TASK, ReasonCode.EVENT, ReasonCode.TIMER, ReasonCode.RETRY],
  ...[ReasonCode.CHILD, ReasonCode.PAUSED, ReasonCode.AGENT, ReasonCode.WORKER],
  ...[ReasonCode.GOVERNANCE, ReasonCode.HELD],
]);

async function searched(code: ReasonCode): Promise<string[]> {
  const { runs } = await world.runs.search({ workspaceId: WORKSPACE, waitingFor: [code] });
  return runs.map(({ id }) => id);
}

const codeName = (code: ReasonCode) =>
  Object.entries(ReasonCode).find(([, number]) => number === code)?.[0];

const step = (id: string, stepType: StepType, config: JsonObject = {}, more: Step = {}): Step => ({
  ...{ id, stepType, config },
  ...more,
});

describe("a run that waits", () => {
  it("for an absent approver", async () => {
    const config = {
      approvers: ["user_ann", "group:finance"],
      escalate_after_seconds: 3600,
      escalate_to: ["user_bob"],
    };
    const gate = step("gate", StepType.APPROVAL_GATE, config, {
      actionType: "pay",
      timeoutSeconds: 7200,
    });
    const runId = await start([gate]);
    const asked = (await until(async () => {
      const { waits } = await explain(runId);
      const approvals = waits.filter(({ code }) => code === ReasonCode.APPROVAL);
      return approvals.length === 2 ? approvals : undefined;
    })) as WaitReason[];
    expect(asked.map(({ endsBy }) => endsBy.map(({ kind, id }) => [kind, id]))).toEqual([
      [[Party_Kind.PERSON, "user_ann"]],
      [[Party_Kind.GROUP, "group:finance"]],
    ]);
    expect(asked.map(({ inboxItemId }) => inboxItemId)).toEqual(
      [1, 2].map((place) => `${runId}/${asked[0]?.stepId}/${place}`),
    );
    const [first] = asked;
    expect(first?.approvalRequestId).not.toBe("");
    expect(first?.sentence).toContain(`user_ann on approval request ${first?.approvalRequestId}`);
    const since = timestampMs(first?.since ?? never());
    expect(timestampMs(first?.nextTryAt ?? never())).toBeGreaterThanOrEqual(since + 3_600_000);
    expect(timestampMs(first?.givesUpAt ?? never())).toBe(since + 7_200_000);
    expect((await explain(runId)).verdict).toBe(RunVerdict.WAITING);
    const item = { id: first?.inboxItemId ?? never(), to: "user_cid", reason: "away" };
    const inbox = createClient(Inbox, createGrpcTransport({ baseUrl: world.url }));
    await inbox.delegate(item, { headers: { "Workflows-Actor": "user_ann" } });
    const [{ sentence, endsBy }] = await explained(runId, ReasonCode.APPROVAL);
    expect(sentence).toContain("the decision of user_cid on");
    expect(endsBy).toMatchObject([{ kind: Party_Kind.PERSON, id: "user_cid" }]);
  });

  it("for a person's task", async () => {
    const runId = await start([
      step("sign", StepType.HUMAN_TASK, { instructions: "sign", assignee: "user_ann" }),
    ]);
    const [{ sentence, endsBy, attempt }, { verdict, sentence: whole }] = await explained(
      runId,
      ReasonCode.TASK,
    );
    expect(sentence).toBe("step sign waits for user_ann to complete it");
    expect([endsBy[0]?.kind, endsBy[0]?.id, attempt]).toEqual([Party_Kind.PERSON, "user_ann", 1]);
    expect(verdict).toBe(RunVerdict.WAITING);
    expect(whole).toBe("The run is RUNNING: step sign waits for user_ann to complete it.");
    const config = { instructions: "sign", assignee: "{{ input.boss }}" };
    const rendered = await start(
      [step("sign", StepType.HUMAN_TASK, config)],
      {},
      { boss: "user_bob" },
    );
    const [asked] = await explained(rendered, ReasonCode.TASK);
    expect(asked).toMatchObject({
      endsBy: [{ id: "user_bob" }],
      inboxItemId: `${rendered}/sign/1`,
    });
  });

  it("for an event that never comes", async () => {
    const runId = await start([
      step(
        "paid",
        StepType.WAIT_FOR_EVENT,
        { filter_expr: "amount > 3" },
        { eventTypePattern: "payments.*", eventSubjectPattern: "order-1" },
      ),
    ]);
    const [reason] = await explained(runId, ReasonCode.EVENT);
    expect(reason).toMatchObject({ eventTypePattern: "payments.*", eventSubject: "order-1" });
    expect(reason.sentence).toContain("for which config.filter_expr holds");
    expect(reason.givesUpAt).toBeUndefined();
  });

  it("for a time", async () => {
    const runId = await start([step("later", StepType.WAIT_FOR_EVENT, { delay_seconds: 3600 })]);
    const [{ nextTryAt, since }] = await explained(runId, ReasonCode.TIMER);
    expect(timestampMs(nextTryAt ?? never()) - timestampMs(since ?? never())).toBe(3_600_000);
  });

  it("for the next attempt", async () => {
    const runId = await start([
      step("tried", StepType.AGENT_ACTION, {}, { agentId: "agent_1", retryPolicy: LATER }),
    ]);
    const [reason] = await explained(runId, ReasonCode.RETRY);
    expect(reason.lastError).toContain("the printer is out of paper");
    expect(reason.attempt).toBe(2);
    expect(timestampMs(reason.nextTryAt ?? never())).toBeGreaterThan(Date.now() + 3_000_000);
  });

  it("for an order about a step that failed and is held", async () => {
    const config = { on_error: "hold" };
    const runId = await start([
      step("tried", StepType.AGENT_ACTION, config, { agentId: "agent_1" }),
    ]);
    const [reason, { verdict }] = await explained(runId, ReasonCode.HELD);
    expect(reason).toMatchObject({ stepId: "tried", attempt: 1 });
    expect(reason.lastError).toContain("the printer is out of paper");
    expect(reason.sentence).toContain("an order to retry, skip, complete or fail it");
    expect(verdict).toBe(RunVerdict.WAITING);
  });

  it("for an agent that no service knows", async () => {
    const runId = await start([
      step("find", StepType.AGENT_ACTION, {}, { requiredCapability: "fly", retryPolicy: LATER }),
    ]);
    const [reason] = await explained(runId, ReasonCode.NO_AGENT);
    expect(reason.lastError).toContain("no healthy agent with capability fly");
    expect(reason.nextTryAt).toBeDefined();
  });

  it("for an agent at work", async () => {
    const runId = await start([step("work", StepType.AGENT_ACTION, {}, { agentId: "agent_1" })]);
    const [reason] = await explained(runId, ReasonCode.AGENT);
    expect(reason.objectiveId).not.toBe("");
    expect(reason.endsBy[0]).toMatchObject({ kind: Party_Kind.AGENT, id: "agent_1" });
    // What the agent itself has asked for is no item of the Inbox.
    const own = { stepId: "work", state: StepRunState.WAITING, approvalRequestId: "apr_own" };
    await world.workflows.transitionStep({ runId, ...own });
    const [asked] = await explained(runId, ReasonCode.APPROVAL);
    expect(asked).toMatchObject({ approvalRequestId: "apr_own", inboxItemId: "" });
  });

  it("for a message that was put aside", async () => {
    const runId = await start([step("work", StepType.AGENT_ACTION, {}, { agentId: "agent_1" })]);
    const [{ objectiveId }] = await explained(runId, ReasonCode.AGENT);
    const { seq } = await nats
      .jetstream()
      .publish("objectives.changes.x", `{ "id": "${objectiveId}", `);
    const [reason] = await explained(runId, ReasonCode.DEAD_LETTER);
    expect(reason.objectiveId).toBe(objectiveId);
    expect(reason.sentence).toContain(`message ${seq} of stream OBJECTIVES`);
    expect(reason.lastError).toBe("not_json");
  });

  it("for a service that is away, until its breaker opens", async () => {
    const runId = await start([
      step("check", StepType.GOVERNANCE_CHECK, {}, { actionType: "pay" }),
    ]);
    const [away, { verdict }] = await explained(runId, ReasonCode.COLLABORATOR_AWAY);
    expect(away.endsBy[0]).toMatchObject({ kind: Party_Kind.SERVICE, id: "governance" });
    expect(away.lastError).toContain("UNAVAILABLE");
    expect(verdict).toBe(RunVerdict.WAITING);
    const [open] = await explained(runId, ReasonCode.BREAKER_OPEN);
    expect(open.sentence).toContain("the circuit breaker of governance is open");
    expect(open.nextTryAt).toBeDefined();
  });

  it("for a child run", async () => {
    const child = await start([step("sign", StepType.HUMAN_TASK, { instructions: "sign" })], {
      trigger: { triggerType: TriggerType.WORKFLOW },
    });
    const { run } = await world.workflows.getRun({ id: child });
    const runId = await start([
      step("call", StepType.AGENT_ACTION, { workflow: { definition_id: run?.definitionId ?? "" } }),
    ]);
    const [reason] = await explained(runId, ReasonCode.CHILD);
    expect(reason.sentence).toContain("which is RUNNING");
    const [below] = await explained(reason.childRunId, ReasonCode.TASK);
    expect(below.stepId).toBe("sign");
  });

  it("for the steps of a PARALLEL", async () => {
    const steps = [
      step("both", StepType.PARALLEL),
      step("one", StepType.HUMAN_TASK, { instructions: "one" }),
      step("two", StepType.HUMAN_TASK, { instructions: "two" }),
    ];
    const edges = [
      { fromStepId: "both", toStepId: "one" },
      { fromStepId: "both", toStepId: "two" },
    ];
    const [reason, { waits }] = await explained(await start(steps, { edges }), ReasonCode.STEPS);
    expect(reason.sentence).toBe("step both waits for the ends of its steps one, two");
    expect(waits.map(({ code }) => codeName(code))).toEqual(["TASK", "TASK", "STEPS"]);
  });

  it("while it is paused", async () => {
    const runId = await start([step("sign", StepType.HUMAN_TASK, { instructions: "sign" })]);
    await world.workflows.pauseRun({ id: runId, reason: "audit of the week" });
    const [reason, { verdict, sentence }] = await explained(runId, ReasonCode.PAUSED);
    expect(verdict).toBe(RunVerdict.HELD);
    expect(reason).toMatchObject({ stepId: "", sentence: "the run is paused: audit of the week" });
    expect(reason.since).toBeDefined();
    expect(sentence).toBe(
      "The run is PAUSED: the run is paused: audit of the week (and 1 more reason).",
    );
  });

  it("with its deadline near", async () => {
    const runId = await start([step("sign", StepType.HUMAN_TASK, { instructions: "sign" })], {
      timeoutSeconds: 50,
    });
    const [reason, { waits }] = await explained(runId, ReasonCode.DEADLINE_NEAR);
    expect(reason.givesUpAt).toBeDefined();
    expect(waits.map(({ givesUpAt }) => givesUpAt)).toEqual([reason.givesUpAt, reason.givesUpAt]);
    const far = await start([step("sign", StepType.HUMAN_TASK, { instructions: "sign" })], {
      timeoutSeconds: 5000,
    });
    expect((await explain(far)).waits.map(({ code }) => code)).toEqual([ReasonCode.TASK]);
  });

  it("for a variable that is not set, before the next attempt and after the last", async () => {
    const send = (retries: Step) =>
      step(
        "tell",
        StepType.NOTIFICATION,
        { blocking: true },
        { notificationTemplate: "news", ...retries },
      );
    const runId = await start([send({ retryPolicy: LATER })]);
    const [waiting, { verdict }] = await explained(runId, ReasonCode.NOT_CONFIGURED);
    expect(waiting).toMatchObject({ setting: "NOTIFICATIONS_URL", attempt: 2 });
    expect(verdict).toBe(RunVerdict.WAITING);
    const failed = await start([send({})]);
    const [ended, explanation] = await explained(failed, ReasonCode.NOT_CONFIGURED);
    expect(ended).toMatchObject({ setting: "NOTIFICATIONS_URL", stepId: "tell" });
    expect(explanation.verdict).toBe(RunVerdict.ENDED);
    expect(explanation.sentence).toMatch(
      /^The run is FAILED since .*: step tell failed: .*NOTIFICATIONS_URL/,
    );
  });

  it("for a queue without a worker, and for a worker that fell silent", async () => {
    const mail = (queue: string) => step("mail", StepType.AGENT_ACTION, { queue });
    const runId = await start([mail("idle")]);
    const [unserved] = await explained(runId, ReasonCode.QUEUE_UNSERVED);
    expect(unserved).toMatchObject({
      queue: "idle",
      sentence: "step mail waits for a worker of queue idle, which has none",
    });
    const other = await start([mail("busy")]);
    const beat = () =>
      nats.publish(
        `workflows.workers.${WORKSPACE}.busy`,
        JSON.stringify({ worker: "worker_7", running: 2, concurrency: 4 }),
      );
    beat();
    const [served] = await explained(other, ReasonCode.WORKER);
    expect(served.sentence).toBe(
      "step mail waits for a worker of queue busy; workers that serve it: 1",
    );
    // It falls silent: ten seconds later it counts as gone.
    const [lost] = await explained(other, ReasonCode.WORKER_LOST, 20_000);
    expect(lost.sentence).toContain("worker worker_7 has been silent since");
    expect(lost.sentence).toContain("with 2 tasks in hand");
  });
});

it("tells what became of each edge", async () => {
  const steps = [
    step("size", StepType.BRANCH, {}, { conditionExpr: "input.amount > 500" }),
    step("large", StepType.HUMAN_TASK, { instructions: "large" }),
    step("small", StepType.HUMAN_TASK, { instructions: "small" }),
    step("both", StepType.HUMAN_TASK, { instructions: "both" }),
  ];
  const edges = [
    { fromStepId: "large", toStepId: "both" },
    { fromStepId: "small", toStepId: "both" },
    { fromStepId: "size", toStepId: "large", label: "true" },
    { fromStepId: "size", toStepId: "small", label: "false" },
  ];
  const { OPEN, TAKEN, DEAD } = EdgeState;
  const runId = await start(steps, { edges }, { amount: 20 });
  expect((await explain(runId)).edges).toEqual([DEAD, OPEN, DEAD, TAKEN]);
  await world.workflows.transitionStep({ runId, stepId: "small", state: StepRunState.COMPLETED });
  expect((await explain(runId)).edges).toEqual([DEAD, TAKEN, DEAD, TAKEN]);
});

describe("a run that ended", () => {
  it("has no reasons", async () => {
    const runId = await start([step("sign", StepType.HUMAN_TASK, { instructions: "sign" })]);
    await world.workflows.transitionStep({ runId, stepId: "sign", state: StepRunState.COMPLETED });
    const { verdict, waits, sentence } = await explain(runId);
    expect([verdict, waits]).toEqual([RunVerdict.ENDED, []]);
    expect(sentence).toMatch(/^The run is COMPLETED since \d{4}-.*Z\.$/);
  });

  it("says who had it cancelled or undone, and why", async () => {
    const steps = [
      step("book", StepType.HUMAN_TASK, { instructions: "book" }, { compensationStepId: "free" }),
      step("sign", StepType.HUMAN_TASK, { instructions: "sign" }),
      step("free", StepType.HUMAN_TASK, { instructions: "free" }),
    ];
    const edges = [{ fromStepId: "book", toStepId: "sign" }];
    const { workflows } = world;
    const cancelled = await start(steps, { edges });
    await workflows.cancelRun({ id: cancelled, reason: "entered twice" });
    expect((await explain(cancelled)).sentence).toMatch(
      /^The run is CANCELLED since \S+Z: it was cancelled: entered twice\.$/,
    );
    const undone = await start(steps, { edges });
    const end = (stepId: string) =>
      workflows.transitionStep({ runId: undone, stepId, state: StepRunState.COMPLETED });
    await end("book");
    await workflows.compensateRun({ id: undone, reason: "withdrawn" });
    await end("free");
    expect((await explain(undone)).sentence).toMatch(
      /^The run is FAILED since \S+Z: it was undone: withdrawn\.$/,
    );
  });

  it("names the compensation that failed, though another one ended later", async () => {
    const steps = ["book", "rent"].flatMap((id) => [
      step(id, StepType.HUMAN_TASK, { instructions: id }, { compensationStepId: `undo-${id}` }),
      step(`undo-${id}`, StepType.HUMAN_TASK, { instructions: `undo ${id}` }),
    ]);
    const more = step("sign", StepType.HUMAN_TASK, { instructions: "sign" });
    const runId = await start([...steps, more]);
    const end = (stepId: string, state: StepRunState = StepRunState.COMPLETED, errorMessage = "") =>
      world.workflows.transitionStep({ runId, stepId, state, errorMessage });
    for (const id of ["book", "rent"]) await end(id);
    await world.workflows.compensateRun({ id: runId, reason: "withdrawn" });
    await end("undo-book", StepRunState.FAILED, "the office is closed");
    await end("undo-rent");
    const { verdict, sentence, waits } = await explain(runId);
    expect(verdict).toBe(RunVerdict.ENDED);
    expect(sentence).toContain("step undo-book failed: the office is closed");
    expect(waits.map(({ stepId, code }) => [stepId, code])).toEqual([
      ["undo-book", ReasonCode.FAILED],
    ]);
  });
});

function never(): never {
  throw new Error("a time is missing");
}
