/**
 * One collaborator that hangs slows no run that does not need it: the same line of steps is timed at the same time in
 * two services, of which one has the collaborator hanging, so that whatever else the machine does slows both alike.
 * Boundary: needs TEST_DATABASE_URL and the program nats-server; each service is a process of its own.
 */
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type StepDefinitionSchema,
  StepType,
  WorkflowState,
} from "../../gen/workflows/v1/workflows_pb.ts";
import type { SandboxScript } from "../../src/sandbox/script.ts";
import { until } from "../support/assertions/until.ts";
import { startWorld, type World } from "../support/services/fixture-world.ts";

type Step = MessageInitShape<typeof StepDefinitionSchema>;

const WORKSPACE = "ws_1";
const SLOWER_AT_MOST = 1.2;
/** Another process may load the machine for a while; a real slowdown shows every time. */
const MEASUREMENTS = 5;
const WAVES = 4;
const LINES_A_WAVE = 6;
const RUNS_THAT_NEED_IT = 20;
const STEPS_A_LINE = 9;
/** A run is looked at every 40 ms: more would be a load of its own, and its times are those of the service. */
const PATIENCE_MS = 60_000;

const SCRIPT: SandboxScript = {
  agents: [
    { id: "named", capabilities: [], promptBindings: { brief: "stable" } },
    { id: "found", capabilities: ["write"] },
  ],
  tasks: [
    { match: { stepId: "untold" }, reply: { afterMs: 0 } },
    { match: {}, reply: { afterMs: 0, costUsd: 0.01 } },
  ],
  approvals: [{ match: {}, decision: "approved", afterMs: 0 }],
};

const work = (fields: Step = {}): Step => ({
  stepType: StepType.AGENT_ACTION,
  agentId: "named",
  ...fields,
});
const routed = work({ agentId: "", requiredCapability: "write" });

/** Steps that need one collaborator each. */
const PLAIN: Readonly<Record<string, Step>> = {
  objectives: work(),
  governance: { stepType: StepType.GOVERNANCE_CHECK, actionType: "look" },
  approvals: { stepType: StepType.APPROVAL_GATE, actionType: "look" },
  notifications: {
    stepType: StepType.NOTIFICATION,
    notificationChannel: "slack",
    config: { blocking: true },
  },
};

/** Steps that block while the collaborator hangs, or go on without it after a while. */
const NEEDING: Readonly<Record<string, Step>> = {
  ...PLAIN,
  registry: routed,
  agents: routed,
  meter: work({ id: "untold" }),
  prompts: work({ promptName: "brief" }),
  skills: work({ skillId: "skill_1" }),
  entities: work(),
};

let worlds: { readonly healthy: World; readonly troubled: World };
beforeAll(async () => {
  const start = () => startWorld(SCRIPT, { COLLABORATOR_TIMEOUT_MS: "2000" });
  const [healthy, troubled] = await Promise.all([start(), start()]);
  worlds = { healthy, troubled };
  // The first ones pay for connections and for code that is not compiled yet.
  await compare(lineWithout(""));
});
afterAll(async () => {
  await Promise.all([worlds?.healthy.stop(), worlds?.troubled.stop()]);
});

/** A definition whose steps follow each other. */
async function define({ workflows }: World, steps: readonly Step[]): Promise<string> {
  const name = randomUUID();
  const { definition } = await workflows.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  const named = steps.map((step, at) => ({ id: `s${at}`, ...step }));
  const edges = named.slice(1).map((step, at) => ({
    fromStepId: named[at]?.id ?? "",
    toStepId: step.id,
  }));
  await workflows.publishVersion({ definitionId, steps: named, edges });
  return definitionId;
}

function lineWithout(collaborator: string): Step[] {
  const others = Object.entries(PLAIN).flatMap(([name, step]) =>
    name === collaborator ? [] : [step],
  );
  return Array.from({ length: STEPS_A_LINE }, (_, at) => others[at % others.length] ?? {});
}

/** How much longer a line takes in the troubled service, by the medians of the services' own clocks. */
async function compare(line: readonly Step[]): Promise<number> {
  const { healthy, troubled } = worlds;
  const [one, other] = await Promise.all([define(healthy, line), define(troubled, line)]);
  const usual: number[] = [];
  const hanging: number[] = [];
  for (let wave = 0; wave < WAVES; wave += 1) {
    const times = await Promise.all([timeWave(healthy, one), timeWave(troubled, other)]);
    usual.push(...times[0]);
    hanging.push(...times[1]);
  }
  return medianOf(hanging) / medianOf(usual);
}

async function timeWave({ workflows }: World, definitionId: string): Promise<number[]> {
  const started = await Promise.all(
    Array.from({ length: LINES_A_WAVE }, () => workflows.startRun({ definitionId })),
  );
  const times: number[] = [];
  for (const { run } of started) times.push(await durationOf(workflows, run?.id ?? ""));
  return times;
}

function durationOf(workflows: World["workflows"], id: string): Promise<number> {
  return until(async () => {
    const { run } = await workflows.getRun({ id });
    if (run?.state === WorkflowState.FAILED) throw new Error(JSON.stringify(run.steps));
    if (run?.startedAt === undefined || run.completedAt === undefined) return undefined;
    return timestampMs(run.completedAt) - timestampMs(run.startedAt);
  }, PATIENCE_MS);
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Starts runs that need the collaborator; gives what cancels them. */
async function crowd(steps: readonly Step[], entityId: string): Promise<() => Promise<void>> {
  const { workflows } = worlds.troubled;
  const definitionId = await define(worlds.troubled, steps);
  const starting = Promise.all(
    Array.from({ length: RUNS_THAT_NEED_IT }, () => workflows.startRun({ definitionId, entityId })),
  );
  // A start that names an entity is answered once the look-up has failed open.
  if (entityId === "") await starting;
  return async () => {
    for (const { run } of await starting) {
      const { run: now } = await workflows.getRun({ id: run?.id ?? "" });
      if (now?.state === WorkflowState.RUNNING) await cancel(workflows, now.id);
    }
  };
}

/** Cancels a run unless it comes to its end by itself at this moment. */
async function cancel(workflows: World["workflows"], id: string): Promise<void> {
  try {
    await workflows.cancelRun({ id });
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.FailedPrecondition) throw error;
  }
}

describe("while a collaborator hangs, others keep their speed", () => {
  it.each(Object.keys(NEEDING))("%s", async (collaborator) => {
    const { troubles } = worlds.troubled.sandbox;
    troubles.begin(`${collaborator}.`, "hang");
    const entityId = collaborator === "entities" ? "ent_1" : "";
    const cancelThem = await crowd([NEEDING[collaborator] ?? {}], entityId);
    const ratios: number[] = [];
    while (ratios.length < MEASUREMENTS && !ratios.some((ratio) => ratio <= SLOWER_AT_MOST)) {
      ratios.push(await compare(lineWithout(collaborator)));
    }
    troubles.end(`${collaborator}.`);
    await cancelThem();
    expect(Math.min(...ratios), `slower by ${ratios}`).toBeLessThanOrEqual(SLOWER_AT_MOST);
  });
});
