/**
 * The whole service with every collaborator: meter, prompts, skills and entities, and one run in each protocol.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; the service is a process of its own.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  type StepDefinitionSchema,
  StepRunState,
  StepType,
  TriggerType,
  type WorkflowRun,
  WorkflowState,
  type WorkflowTriggerSchema,
} from "../../gen/workflows/v1/workflows_pb.ts";
import { createClient } from "../../src/client/index.ts";
import type { SandboxScript } from "../../src/sandbox/script.ts";
import { publishTapEvent } from "../../src/sandbox/tap.ts";
import { until } from "../support/assertions/until.ts";
import { startWorld, type World } from "../support/services/fixture-world.ts";

type Step = MessageInitShape<typeof StepDefinitionSchema>;
type Trigger = MessageInitShape<typeof WorkflowTriggerSchema>;

const WORKSPACE = "ws_1";
const FINAL: readonly WorkflowState[] = [
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
];

const SCRIPT: SandboxScript = {
  agents: [
    { id: "bound", capabilities: ["write"], promptBindings: { brief: "stable", gone: "stable" } },
    { id: "plain", capabilities: [] },
  ],
  tasks: [
    { match: { stepId: "metered" }, reply: { afterMs: 0, output: { n: 1 }, meteredUsd: 0.25 } },
    { match: { stepId: "told" }, reply: { afterMs: 0, costUsd: 0.5, meteredUsd: 9 } },
    { match: { stepId: "tried", attempt: 1 }, reply: { afterMs: 0, fail: "no", meteredUsd: 0.1 } },
    { match: { stepId: "tried" }, reply: { afterMs: 0, meteredUsd: 0.2 } },
    { match: {}, reply: { afterMs: 0, output: {} } },
  ],
  approvals: [
    { match: { approverUserId: "absent" }, decision: "silent", afterMs: 0 },
    { match: { approverUserId: "late" }, decision: "approved", afterMs: 2_000 },
    { match: { approverUserId: "forger" }, decision: "approved", afterMs: 0, digest: "other" },
    { match: { approverUserId: "careful" }, decision: "approved", afterMs: 0, digest: "asked" },
    { match: {}, decision: "approved", afterMs: 0 },
  ],
  prompts: [
    { name: "brief", labels: { production: 2, stable: 1, staging: 3 } },
    { name: "memo", labels: { production: 5 } },
  ],
  skills: [{ id: "skill_all" }, { id: "skill_theirs", workspaceId: "ws_other" }],
  entities: [
    {
      id: "ent_1",
      kind: "deal",
      workspaceId: WORKSPACE,
      records: [{ provider: "hubspot", id: "d1" }],
    },
    {
      id: "ent_2",
      kind: "deal",
      workspaceId: "ws_other",
      records: [{ provider: "hubspot", id: "d2" }],
    },
  ],
};

const agent = (id: string, fields: Step = {}): Step => ({
  id,
  stepType: StepType.AGENT_ACTION,
  agentId: "plain",
  ...fields,
});

const gate = (config: JsonObject): Step => ({
  id: "gate",
  stepType: StepType.APPROVAL_GATE,
  actionType: "buy",
  config,
});

async function define({ workflows }: World, steps: Step[], trigger: Trigger = {}) {
  const name = randomUUID();
  const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  const edges = steps.slice(1).map((step, at) => ({
    fromStepId: steps[at]?.id ?? "",
    toStepId: step.id ?? "",
  }));
  await workflows.publishVersion({ definitionId, steps, edges, trigger });
  return definitionId;
}

function endOf({ workflows }: World, id: string): Promise<WorkflowRun> {
  return until(async () => {
    const { run } = await workflows.getRun({ id });
    return run !== undefined && FINAL.includes(run.state) ? run : undefined;
  });
}

async function play(world: World, steps: Step[], entityId = ""): Promise<WorkflowRun> {
  const definitionId = await define(world, steps);
  const { run } = await world.workflows.startRun({ definitionId, entityId });
  return endOf(world, run?.id ?? "");
}

describe("with every collaborator", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(SCRIPT, {});
  });
  afterAll(() => world?.stop());

  it("costs that no event carries come from the meter, those of all attempts once", async () => {
    const retryPolicy = { maxRetries: 1 };
    const run = await play(world, [
      agent("metered"),
      agent("told"),
      agent("tried", { retryPolicy }),
    ]);
    expect(run.state).toBe(WorkflowState.COMPLETED);
    expect(run.steps.map(({ costUsd }) => costUsd)).toEqual([0.25, 0.5, 0.3]);
    expect(run.totalCostUsd).toBe(1.05);
  });

  it("a meter that fails leaves the step without a cost and changes nothing else", async () => {
    world.sandbox.troubles.begin("meter.", { status: 503 });
    const run = await play(world, [agent("metered")]);
    world.sandbox.troubles.end("meter.");
    expect(run).toMatchObject({ state: WorkflowState.COMPLETED, totalCostUsd: 0 });
  });

  it("prompts are those that the agent has bound, else those in production", async () => {
    const promptName = "brief";
    const run = await play(world, [
      agent("a", { agentId: "bound", promptName }),
      agent("b", { promptName }),
      agent("c", { promptName: "nowhere" }),
    ]);
    expect(run.state).toBe(WorkflowState.COMPLETED);
    const ended = world.sandbox.ledgers.objectives
      .map(({ request }): unknown => JSON.parse(request.description))
      .slice(-3);
    expect(ended).toMatchObject([
      { prompt: { name: "brief", version: 1, version_id: "prv_brief_1" } },
      { prompt: { name: "brief", version: 2 } },
      { prompt: null },
    ]);
  });

  it("prompts of another environment are those with its label, else those in production", async () => {
    const definitionId = await define(world, [
      agent("a", { agentId: "bound", promptName: "brief" }),
      agent("b", { promptName: "brief" }),
      agent("c", { promptName: "memo" }),
    ]);
    const client = createClient({ baseUrl: world.url });
    await client.sources.deploy({ definitionId, environment: "staging" });
    const headers = { "Workflows-Environment": "staging" };
    const { run } = await world.workflows.startRun({ definitionId }, { headers });
    expect((await endOf(world, run?.id ?? "")).state).toBe(WorkflowState.COMPLETED);
    const versions = world.sandbox.ledgers.objectives
      .slice(-3)
      .map(({ request }) => JSON.parse(request.description).prompt.version);
    expect(versions).toEqual([1, 3, 5]);
  });

  it("a bound prompt that is missing and a skill that is not ours fail the attempt", async () => {
    const prompt = await play(world, [agent("a", { agentId: "bound", promptName: "gone" })]);
    expect(prompt.steps[0]).toMatchObject({
      state: StepRunState.FAILED,
      errorMessage: "prompt gone has no version labelled stable",
    });
    const skill = await play(world, [agent("a", { skillId: "skill_theirs" })]);
    expect(skill.steps[0]?.errorMessage).toBe("skill skill_theirs is unknown");
    const known = await play(world, [agent("a", { skillId: "skill_all" })]);
    expect(known.state).toBe(WorkflowState.COMPLETED);
  });

  it("a prompts service that fails fails open, except for a bound prompt", async () => {
    world.sandbox.troubles.begin("prompts.", { status: 403 });
    const free = await play(world, [agent("a", { promptName: "other" })]);
    const bound = await play(world, [agent("a", { agentId: "bound", promptName: "gone" })]);
    world.sandbox.troubles.end("prompts.");
    expect(free.state).toBe(WorkflowState.COMPLETED);
    expect(bound.steps[0]?.errorMessage).toBe("look_up was refused: PERMISSION_DENIED: HTTP 403");
  });

  it("an agent is found by the agents service when the registry fails", async () => {
    world.sandbox.troubles.begin("registry.", { status: 500 });
    const run = await play(world, [agent("a", { agentId: "", requiredCapability: "write" })]);
    world.sandbox.troubles.end("registry.");
    expect(run.steps[0]).toMatchObject({ state: StepRunState.COMPLETED, agentId: "bound" });
  });

  it("webhook runs have canonical entities, or the tap's own where no canonical one exists", async () => {
    const triggerType = TriggerType.WEBHOOK;
    const tapEntityType = `kind_${randomUUID().slice(0, 8)}`;
    const definitionId = await define(world, [agent("a")], { triggerType, tapEntityType });
    for (const entityId of ["d1", "d2", "d3"]) {
      const event = { workspaceId: WORKSPACE, provider: "hubspot", action: "created" };
      const { connection } = world.sandbox.bus;
      await publishTapEvent(connection, { ...event, entityType: tapEntityType, entityId });
    }
    const runs = await until(async () => {
      const listed = await world.workflows.listRuns({ workspaceId: WORKSPACE, definitionId });
      return listed.runs.length === 3 ? listed.runs : undefined;
    });
    const about = runs.map(({ entityId, entityType }) => `${entityType} ${entityId}`);
    expect(about.sort()).toEqual([
      "ENTITY_TYPE_DEAL ent_1",
      `${tapEntityType} d2`,
      `${tapEntityType} d3`,
    ]);
  });

  it("a request without a decision is escalated to the next approver, each request under a key of its own", async () => {
    const config = {
      approvers: ["absent", "careful", "late"],
      // Both approvers must be asked; which of them times out first does not matter.
      ...{ required: 3, escalate_after_seconds: 0.4, escalate_to: ["deputy", "other"] },
    };
    const run = await play(world, [gate(config)]);
    expect(run.steps[0]?.outputPayload).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      approvals: [
        { approver: "absent", decision: "expired" },
        { approver: "careful", decision: "approved", decided_by: "careful" },
        { approver: "late", decision: "expired" },
        { approver: "deputy", decision: "approved" },
        { approver: "other", decision: "approved" },
      ],
    });
    const key = `${run.id}/gate/1`;
    const { approvals, escalations } = world.sandbox.ledgers;
    const keysOf = (entries: typeof approvals | typeof escalations) =>
      entries.flatMap(({ idempotencyKey = "" }) =>
        idempotencyKey.startsWith(key) ? idempotencyKey : [],
      );
    const places = ["", "-2", "-3", "-4", "-5"];
    await until(() => keysOf(escalations).length === 2 || undefined);
    await until(() => keysOf(approvals).length === 5 || undefined);
    expect(keysOf(approvals).sort()).toEqual(places.map((n) => `${key}/request_approval${n}`));
    expect(keysOf(escalations).sort()).toEqual([
      `${key}/escalate_approval`,
      `${key}/escalate_approval-3`,
    ]);
  });

  it("a decision with another digest does not count: the gate expires", async () => {
    const config = {
      ...{ approvers: ["forger"], escalate_after_seconds: 0.3, escalate_to: ["absent"] },
    };
    const run = await play(world, [gate(config)]);
    expect(run.state).toBe(WorkflowState.FAILED);
    expect(run.steps[0]?.errorMessage).toBe("expired: no decision within 0.3 s");
  });

  it("a run by RPC is about an entity of its workspace, unless the entity service is away", async () => {
    const run = await play(world, [agent("a")], "ent_1");
    expect(run.entityId).toBe("ent_1");
    for (const unknown of ["ent_2", "ent_9"]) {
      const refused: unknown = await play(world, [agent("a")], unknown).catch((error) => error);
      if (!(refused instanceof ConnectError)) throw new Error(`${unknown} was not refused`);
      expect(refused.code).toBe(Code.InvalidArgument);
      const [bad] = refused.findDetails(BadRequestSchema);
      expect(bad?.fieldViolations.map(({ field }) => field)).toEqual(["entity_id"]);
    }
    world.sandbox.troubles.begin("entities.", "hang");
    const unchecked = await play(world, [agent("a")], "ent_7");
    world.sandbox.troubles.end("entities.");
    expect(unchecked).toMatchObject({ entityId: "ent_7", state: WorkflowState.COMPLETED });
  });
});

describe.each(["connect", "grpc", "grpc-web"])("by %s", (protocol) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(SCRIPT, { COLLABORATOR_PROTOCOL: protocol, SKILLS_URL: "" });
  });
  afterAll(() => world?.stop());

  it("a run with every kind of call comes to its end", async () => {
    const run = await play(world, [
      agent("metered", { agentId: "", requiredCapability: "write", promptName: "brief" }),
      { id: "check", stepType: StepType.GOVERNANCE_CHECK, actionType: "send" },
      { id: "gate", stepType: StepType.APPROVAL_GATE, actionType: "send" },
      {
        id: "tell",
        stepType: StepType.NOTIFICATION,
        notificationChannel: "slack",
        config: { blocking: true },
      },
    ]);
    expect(run.state).toBe(WorkflowState.COMPLETED);
    const [work, check, gate, tell] = run.steps;
    expect(work).toMatchObject({
      agentId: "bound",
      objectiveId: expect.stringMatching(/^obj_/),
      delegationId: expect.stringMatching(/^del_/),
      outputPayload: { n: 1 },
      costUsd: 0.25,
    });
    expect(check?.governanceDecision).toBe("ACTION_DECISION_ALLOW");
    expect(gate?.approvalRequestId).toMatch(/^apr_/);
    expect(tell?.notificationId).toMatch(/^ntf_/);
  });

  it("a step that needs a collaborator that is not configured says which variable to set", async () => {
    const run = await play(world, [agent("a", { skillId: "skill_all" })]);
    expect(run.steps[0]?.errorMessage).toMatch(/^SKILLS_URL is not set: /);
  });
});
