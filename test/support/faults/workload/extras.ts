/**
 * Work besides the runs of a plan, for points that runs alone never pass.
 * Boundary: begun and ended with a schedule; what it leaves is taken away, as an operator would.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type EdgeSchema,
  type StepDefinitionSchema,
  StepType,
  TriggerType,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import type { JsonObject } from "../../../../src/engine/values/json.ts";
import { renderTapEvent } from "../../../../src/sandbox/tap.ts";
import type { Extra, Plan } from "../schedule/plan.ts";
import type { World } from "../world/world.ts";
import type { PlannedRun, Workload } from "./workload.ts";
import { WORKSPACES } from "./workspaces.ts";

/** The extras of one schedule at work. */
export interface Extras {
  end(): Promise<void>;
}

const SUBJECT = "objectives.changes.objective.transition";
const MESSAGE_EVERY_MS = 300;
const FEWEST_TASK_RUNS = 6;
const RUNS_A_DEATH = 3;
const RUNS_A_CANCEL = 4;
const WIDE_CHILDREN = 12;
/** As a payload of each child: together more than a transition may spend. */
const WIDE_BYTES = 180_000;
/** A run with so much to write, on a machine that does much else. */
const WIDE_START_MS = 15_000;
/** Conditions of which each costs as much as a transition may spend. */
const CONDITIONS = 12;
const CONDITION = "xs.all(x, x+x+x+x+x+x+x+x+x+x+x+x > 1) && false";
const ITEMS = Array.from({ length: 2_000 }, (_, index) => 1_000 + index);
const LOOK_MS = 100;
const WITHIN_MS = 30_000;

/** A step that ends as it begins. */
const INSTANT = {
  id: "instant",
  stepType: StepType.WAIT_FOR_EVENT,
  config: { until: "2000-01-01T00:00:00Z" },
};

/** Begins those of the plan. What fails is told at their end. */
export function startExtras(world: World, workload: Workload, plan: Plan): Extras {
  const name = `extras-${plan.seed}`;
  const begun = plan.extras.map((extra, place) => {
    const ending = begin(extra, world, workload, `${name}-${place}`);
    ending.catch(() => {});
    return ending;
  });
  return {
    async end() {
      for (const ending of begun) await (await ending)();
    },
  };
}

/** So that a timer is due each second too. */
const PAUSE = { id: "pause", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 1 } };

type End = () => Promise<void>;

async function begin(extra: Extra, world: World, workload: Workload, name: string): Promise<End> {
  switch (extra) {
    case "bad messages":
      return sendBadMessages(world);
    case "letters":
      return sendLetters(world, name);
    case "tasks":
      return startTasks(world, workload, name);
    case "schedules":
      return startSchedule(workload, name);
    case "wide runs":
      await startWideRun(workload, name);
      return async () => {};
    case "continuing runs":
      await startContinuingRun(workload, name);
      return async () => {};
  }
}

/** A process that was killed finds some too when it is back. Gives how many were sent. */
function sendUntilEnd({ sandbox }: World, send: (index: number) => void): () => Promise<number> {
  let ended = false;
  const sending = (async () => {
    let sent = 0;
    for (; !ended && !sandbox.bus.connection.isClosed(); sent += 1) {
      send(sent);
      await delay(MESSAGE_EVERY_MS);
    }
    return sent;
  })();
  return () => {
    ended = true;
    return sending;
  };
}

function sendBadMessages(world: World): End {
  const { connection } = world.sandbox.bus;
  const end = sendUntilEnd(world, (index) => {
    connection.publish(SUBJECT, new TextEncoder().encode(`{ no JSON ${index}`));
  });
  return async () => {
    const sent = await end();
    const until = performance.now() + WITHIN_MS;
    let left = sent;
    while (left > 0 && performance.now() < until) {
      left -= (await world.rows("delete from dead_letters returning id")).length;
      await delay(LOOK_MS);
    }
    if (left > 0) throw new Error(`${left} of ${sent} bad messages became no dead letter`);
  };
}

/** They fit the waits of a version, and no run waits for them. */
function sendLetters(world: World, name: string): End {
  const letter = { provider: "post", entityType: "letter", action: "lost", workspaceId: "north" };
  const end = sendUntilEnd(world, (index) => {
    const id = `${name}-${index}`;
    world.sandbox.bus.publish(renderTapEvent({ ...letter, id, entityId: id, snapshot: {} }));
  });
  return async () => {
    await end();
  };
}

/** Runs of tasks, and at each third one the death of a worker. */
async function startTasks(world: World, workload: Workload, name: string): Promise<End> {
  await world.workers.start();
  const playing: Promise<unknown>[] = [];
  let ended = false;
  const starting = (async () => {
    for (let index = 0; !ended || index < FEWEST_TASK_RUNS; index += 1) {
      playing.push(workload.play([taskRun(index)], `${name}-${index}`));
      if (index % RUNS_A_DEATH === RUNS_A_DEATH - 1) await world.workers.kill(index);
      await delay(MESSAGE_EVERY_MS);
    }
  })();
  return async () => {
    ended = true;
    await starting;
    await Promise.all(playing);
  };
}

function taskRun(index: number): PlannedRun {
  return {
    shape: index % RUNS_A_CANCEL === RUNS_A_CANCEL - 1 ? "task-cancel" : "tasks",
    workspaceId: WORKSPACES[index % WORKSPACES.length] ?? WORKSPACES[0],
    n: index,
    atMs: 0,
    cancelAfterMs: MESSAGE_EVERY_MS,
    askedTwice: false,
  };
}

async function startSchedule({ client }: Workload, name: string): Promise<End> {
  const made = await client.call(`${name}-create`, (workflows, options) =>
    workflows.createDefinition({ workspaceId: "north", name }, options),
  );
  const definitionId = made.definition?.id ?? "";
  const publish = (key: string, trigger: object) =>
    client.call(`${name}-${key}`, (workflows, options) =>
      workflows.publishVersion({ definitionId, steps: [PAUSE], trigger }, options),
    );
  await publish("begin", { triggerType: TriggerType.SCHEDULE, cronExpr: "* * * * * *" });
  return async () => {
    await publish("end", { triggerType: TriggerType.MANUAL });
  };
}

async function startWideRun(workload: Workload, name: string): Promise<void> {
  const children = Array.from({ length: WIDE_CHILDREN }, (_, index) => `child-${index}`);
  await startOwnRun(workload, `${name}-wide`, {
    input: { text: "x".repeat(WIDE_BYTES) },
    steps: [
      { id: "all", stepType: StepType.PARALLEL },
      ...children.map((id) => ({
        id,
        stepType: StepType.AGENT_ACTION,
        agentId: "worker",
        config: { delegate: true },
      })),
    ],
    edges: children.map((toStepId) => ({ fromStepId: "all", toStepId })),
  });
}

/** Its conditions take a transition each, and no call or event comes in between. */
async function startContinuingRun(workload: Workload, name: string): Promise<void> {
  const ids = Array.from({ length: CONDITIONS }, (_, index) => `never-${index}`);
  await startOwnRun(workload, `${name}-continuing`, {
    input: { xs: ITEMS },
    steps: [{ ...INSTANT, id: "root" }, ...ids.map((id) => ({ ...INSTANT, id }))],
    edges: ids.map((toStepId) => ({ fromStepId: "root", toStepId, conditionExpr: CONDITION })),
  });
}

interface OwnRun {
  readonly input: JsonObject;
  readonly steps: MessageInitShape<typeof StepDefinitionSchema>[];
  readonly edges: MessageInitShape<typeof EdgeSchema>[];
}

/** Starts a run of a definition of its own. */
async function startOwnRun(
  { client }: Workload,
  name: string,
  { input: inputPayload, steps, edges }: OwnRun,
): Promise<void> {
  const made = await client.call(name, (workflows, options) =>
    workflows.createDefinition({ workspaceId: "north", name }, options),
  );
  const definitionId = made.definition?.id ?? "";
  await client.call(`${name}-publish`, (workflows, options) =>
    workflows.publishVersion({ definitionId, steps, edges }, options),
  );
  await client.call(`${name}-start`, (workflows, options) =>
    workflows.startRun(
      { definitionId, inputPayload, triggerEventId: name },
      { ...options, timeoutMs: WIDE_START_MS },
    ),
  );
}
