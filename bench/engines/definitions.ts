/** The definitions that the loads run, published by RPC. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type PublishVersionRequestSchema,
  StepType,
  TriggerType,
  type WorkflowService,
} from "../../gen/workflows/v1/workflows_pb.ts";
import {
  ACTION,
  AFTER_WAIT,
  AGENT,
  FAN_STEPS,
  INTERNAL_STEPS,
  LAST_STEP,
  LINE_STEPS,
  QUEUE,
  SHORT_TYPE,
  START_TYPE,
  WAKE_TYPE,
  WORKSPACE,
} from "./words.ts";

type Version = MessageInitShape<typeof PublishVersionRequestSchema>;
type Step = NonNullable<Version["steps"]>[number];

/** The kinds of definitions. */
export type DefinitionKind = keyof typeof VERSIONS;

/** The ids of the published definitions. */
export type DefinitionIds = Readonly<Record<DefinitionKind, string>>;

const WAIT: Step = {
  id: "wait",
  stepType: StepType.WAIT_FOR_EVENT,
  eventTypePattern: WAKE_TYPE,
  eventSubjectPattern: "bench/{{ input.id }}",
};

const VERSIONS = {
  line: lineOf(idsOfLine().map(agentStep)),
  fan: fanOf(agentStep),
  "worker-line": lineOf(idsOfLine().map(workerStep)),
  "worker-fan": fanOf(workerStep),
  /** Waits for its event, then calls an agent. */
  park: lineOf([WAIT, agentStep(AFTER_WAIT)]),
  /** A branch needs an edge to choose, so that a wait of no time ends the line. */
  internal: lineOf([
    ...idsOf("b", INTERNAL_STEPS).map((id) => ({ id, stepType: StepType.BRANCH })),
    { id: "end", stepType: StepType.WAIT_FOR_EVENT, config: { delay_seconds: 0 } },
  ]),
  /** Is started by an event, and ends with its one agent step. */
  short: {
    steps: [agentStep("only")],
    trigger: { triggerType: TriggerType.EVENT, eventType: SHORT_TYPE },
  },
  /** Is started by an event, and waits. */
  triggered: {
    steps: [WAIT],
    trigger: { triggerType: TriggerType.EVENT, eventType: START_TYPE },
  },
} satisfies Record<string, Version>;

/** Publishes a line of so many agent steps, apart from the others: only one load needs it. Gives its definition's id. */
export function publishLong(client: Client<typeof WorkflowService>, steps: number) {
  return publish(client, `long-${steps}`, lineOf(idsOf("l", steps).map(agentStep)));
}

/** Creates and publishes all of them. Rejects with what the service refuses. */
export async function publishAll(client: Client<typeof WorkflowService>): Promise<DefinitionIds> {
  const kinds = Object.entries(VERSIONS) as [DefinitionKind, Version][];
  const ids = await Promise.all(
    kinds.map(async ([name, version]) => [name, await publish(client, name, version)] as const),
  );
  return Object.fromEntries(ids) as Record<DefinitionKind, string>;
}

async function publish(
  client: Client<typeof WorkflowService>,
  name: string,
  version: Version,
): Promise<string> {
  const { definition } = await client.createDefinition({ workspaceId: WORKSPACE, name });
  const definitionId = definition?.id ?? "";
  await client.publishVersion({ ...version, definitionId });
  return definitionId;
}

function agentStep(id: string): Step {
  return { id, stepType: StepType.AGENT_ACTION, agentId: AGENT };
}

function workerStep(id: string): Step {
  return { id, stepType: StepType.AGENT_ACTION, actionType: ACTION, config: { queue: QUEUE } };
}

function idsOfLine(): string[] {
  return [...idsOf("s", LINE_STEPS - 1), LAST_STEP];
}

function fanOf(step: (id: string) => Step): Version {
  const ids = idsOf("f", FAN_STEPS);
  return {
    steps: [...ids, LAST_STEP].map(step),
    edges: ids.map((fromStepId) => ({ fromStepId, toStepId: LAST_STEP })),
  };
}

function lineOf(steps: readonly Step[]): Version {
  const ids = steps.map(({ id }) => id ?? "");
  return {
    steps: [...steps],
    edges: ids.slice(1).map((toStepId, at) => ({ fromStepId: ids[at] ?? "", toStepId })),
  };
}

function idsOf(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${at}`);
}
