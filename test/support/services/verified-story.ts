/**
 * A story of several runs, played by the whole service and left at rest: what an invariant checker looks at.
 * Boundary: plays and waits until nothing moves, then stops the service; what is right about it is for the tests.
 */
import { randomBytes } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import pg from "pg";
import {
  type StepDefinitionSchema,
  StepType,
  TriggerType,
  WorkflowState,
} from "../../../gen/workflows/v1/workflows_pb.ts";
import type { SandboxScript } from "../../../src/sandbox/script.ts";
import { until } from "../assertions/until.ts";
import { startWorld, type World } from "./fixture-world.ts";

type Step = MessageInitShape<typeof StepDefinitionSchema>;

/** The names of the runs of the story. */
type StoryRun =
  | "long"
  | "retried"
  | "waiting"
  | "paused"
  | "cancelled"
  | "compensated"
  | "timed"
  | "parent";

/** The story after its end. */
export interface Story {
  readonly world: World;
  readonly runs: Readonly<Record<StoryRun, string>>;
  /** A copy of its database for a test to spoil; `drop` removes it. */
  copy(): Promise<{ readonly url: string; query: pg.Client["query"]; drop(): Promise<void> }>;
}

const WORKSPACE = "ws_1";
const FINAL: readonly WorkflowState[] = [
  WorkflowState.COMPLETED,
  WorkflowState.FAILED,
  WorkflowState.CANCELLED,
];
const SCRIPT: SandboxScript = {
  agents: [{ id: "plain", capabilities: ["write"] }],
  tasks: [
    { match: { stepId: "tried", attempt: 1 }, reply: { afterMs: 0, fail: "no", meteredUsd: 0.1 } },
    { match: { stepId: "tried" }, reply: { afterMs: 0, meteredUsd: 0.2 } },
    { match: { stepId: "silent" }, reply: { afterMs: 0, silent: true } },
    { match: { stepId: "failing" }, reply: { afterMs: 0, fail: "never" } },
    { match: {}, reply: { afterMs: 0, costUsd: 0.25, output: { done: true } } },
  ],
  approvals: [
    { match: { approverUserId: "absent" }, decision: "silent", afterMs: 0 },
    { match: {}, decision: "approved", afterMs: 0 },
  ],
};

const agent = (id: string, fields: Step = {}): Step => ({
  id,
  stepType: StepType.AGENT_ACTION,
  agentId: "plain",
  ...fields,
});
const wait = (id: string, fields: Step = {}): Step => ({
  id,
  stepType: StepType.WAIT_FOR_EVENT,
  eventTypePattern: "never.comes",
  ...fields,
});
const task = (id: string): Step => ({ id, name: id, stepType: StepType.HUMAN_TASK });

const VERSIONS: Readonly<Record<StoryRun, Step[]>> = {
  long: [
    agent("work", { agentId: "", requiredCapability: "write" }),
    { id: "check", stepType: StepType.GOVERNANCE_CHECK, actionType: "buy" },
    { id: "gate", stepType: StepType.APPROVAL_GATE, actionType: "buy", riskLevel: "LOW" },
    {
      id: "tell",
      stepType: StepType.NOTIFICATION,
      notificationChannel: "EMAIL",
      notificationTemplate: "done",
      config: { recipient: "ann" },
    },
  ],
  retried: [agent("tried", { retryPolicy: { maxRetries: 2 } })],
  waiting: [wait("wait")],
  paused: [agent("silent")],
  cancelled: [agent("silent")],
  compensated: [agent("made", { compensationStepId: "undo" }), agent("failing")],
  timed: [wait("short", { timeoutSeconds: 1, config: { timeout_action: "continue" } })],
  parent: [agent("child", { agentId: "", config: { workflow: { name: "child" } } })],
};

/** Plays the story. The caller stops its world. */
export async function playStory(): Promise<Story> {
  const world = await startWorld(SCRIPT, {});
  try {
    await publish(world, "child", [task("task")], TriggerType.WORKFLOW);
    const runs: Partial<Record<StoryRun, string>> = {};
    for (const name of Object.keys(VERSIONS) as StoryRun[]) {
      const definitionId = await publish(world, name, VERSIONS[name], TriggerType.MANUAL);
      const { run } = await world.workflows.startRun({ definitionId });
      runs[name] = run?.id ?? "";
    }
    const whole = runs as Record<StoryRun, string>;
    await steer(world, whole);
    await settle(world);
    await world.stopService();
    return { world, runs: whole, copy: () => copyOf(world.databaseUrl) };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

async function publish(
  { workflows }: World,
  name: string,
  steps: Step[],
  triggerType: TriggerType,
): Promise<string> {
  const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  const line = steps.filter(({ id }) => steps.every((s) => s.compensationStepId !== id));
  const edges = line.slice(1).map((step, at) => ({
    fromStepId: line[at]?.id ?? "",
    toStepId: step.id ?? "",
  }));
  const undo = steps.some(({ compensationStepId }) => compensationStepId) ? [agent("undo")] : [];
  const trigger = { triggerType };
  await workflows.publishVersion({ definitionId, steps: [...steps, ...undo], edges, trigger });
  return definitionId;
}

/** Pauses, cancels and compensates the runs that are named after it, once each is as far as it goes by itself. */
async function steer(world: World, runs: Readonly<Record<StoryRun, string>>): Promise<void> {
  const { workflows, sandbox } = world;
  await until(async () => (await objectiveOf(world, runs.paused)) || undefined);
  await workflows.pauseRun({ id: runs.paused, reason: "a break" });
  await until(async () => (await objectiveOf(world, runs.cancelled)) || undefined);
  await workflows.cancelRun({ id: runs.cancelled, reason: "no need" });
  await until(() => sandbox.ledgers.cancellations.length > 0 || undefined);
  await ended(world, runs.compensated);
  await workflows.compensateRun({ id: runs.compensated, reason: "undo it" });
  for (const name of ["long", "retried", "timed", "compensated"] as const) {
    await ended(world, runs[name]);
  }
}

async function objectiveOf({ workflows }: World, id: string): Promise<string> {
  const { run } = await workflows.getRun({ id });
  return run?.steps[0]?.objectiveId ?? "";
}

async function ended({ workflows }: World, id: string): Promise<void> {
  await until(async () => {
    const { run } = await workflows.getRun({ id });
    return (run !== undefined && FINAL.includes(run.state)) || undefined;
  });
}

const MOVING = `select (select count(*) from effects)
  + (select count(*) from move_batches where published_at is null)
  + (select count(*) from workflow_runs r where parent_run_id = '' and seq = 0) as moving`;

/** Waits until no call is open and everything is published. */
async function settle({ databaseUrl }: World): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await until(async () => {
      const { rows } = await client.query<{ moving: string }>(MOVING);
      return rows[0]?.moving === "0" || undefined;
    });
  } finally {
    await client.end();
  }
}

async function copyOf(databaseUrl: string): ReturnType<Story["copy"]> {
  const name = `spoilt_${randomBytes(6).toString("hex")}`;
  const url = new URL(databaseUrl);
  const original = url.pathname.slice(1);
  url.pathname = "/postgres";
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name} template ${original}`);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return {
    url: url.href,
    query: client.query.bind(client) as pg.Client["query"],
    async drop() {
      await client.end();
      await server.query(`drop database ${name} with (force)`);
      await server.end();
    },
  };
}
