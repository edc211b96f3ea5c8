/**
 * The work that goes on while faults happen: definitions of every shape in two workspaces, runs of them, and what is known
 * of each run from outside.
 * Boundary: what a caller and the world around do. Whether all ended well is judged elsewhere (ends.ts, tools/verify).
 */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { renderTapEvent } from "../../../../src/sandbox/tap.ts";
import { describeError } from "../describe-error.ts";
import { stuckEvidence } from "../world/stuck.ts";
import type { World } from "../world/world.ts";
import { createPatientClient, type PatientClient } from "./patient-client.ts";
import { type ShapeName, shapes } from "./shapes.ts";
import { WORKSPACES } from "./workspaces.ts";

/** A run that is to be started, or an event that is to start one. */
export interface PlannedRun {
  readonly shape: ShapeName;
  readonly workspaceId: string;
  readonly n: number;
  /** When it begins, counted from the start of its schedule. */
  readonly atMs: number;
  /** For `cancel` and `task-cancel`: how long after its start. */
  readonly cancelAfterMs: number;
  /** Whether its caller asks a second time with the same key. */
  readonly askedTwice: boolean;
  /** Where it is paused for a while: how long after its start, and for how long. */
  readonly pause?: { readonly afterMs: number; readonly forMs: number };
}

/** A run that the service said it has, or an event that must have started one. */
export interface KnownRun {
  readonly plan: PlannedRun;
  readonly definitionId: string;
  /** Undefined for `triggered`: its event starts it. */
  readonly runId: string | undefined;
  readonly eventId: string | undefined;
}

/** See the file's head. */
export interface Workload {
  readonly client: PatientClient;
  /** All runs so far. */
  readonly known: readonly KnownRun[];
  /** Runs since the last `settle`. */
  readonly open: readonly KnownRun[];
  /** What a caller saw and must not see. */
  readonly complaints: readonly string[];
  /** Starts these runs at their times, and does with them what their shapes need. Never rejects. */
  play(runs: readonly PlannedRun[], name: string): Promise<void>;
  /** The open runs are judged: they are looked at no more. */
  settle(): void;
}

const ENDED_LOOK_MS = 100;
const ENDED_PATIENCE_MS = 90_000;

/** Publishes the definitions of these shapes. */
export async function openWorkload(
  world: World,
  published: readonly ShapeName[] = SHAPE_NAMES,
): Promise<Workload> {
  const client = createPatientClient(
    () =>
      world.replicas.flatMap(({ url, workflows }) =>
        url === undefined || workflows === undefined ? [] : [{ url, workflows }],
      ),
    () => stuckEvidence(world),
  );
  const definitions = await publishAll(client, published);
  const known: KnownRun[] = [];
  const complaints: string[] = [];
  let settled = 0;
  const desk: Desk = { world, client, known, complaints, definitions };
  return {
    client,
    known,
    get open() {
      return known.slice(settled);
    },
    complaints,
    settle() {
      settled = known.length;
    },
    async play(runs, name) {
      const beginMs = performance.now();
      await Promise.all(
        runs.map(async (plan, index) => {
          await delay(Math.max(0, beginMs + plan.atMs - performance.now()));
          await begin(desk, plan, `${name}-${index}`).catch((error: unknown) => {
            complaints.push(`${name}-${index} (${plan.shape}): ${describeError(error)}`);
          });
        }),
      );
    },
  };
}

interface Desk {
  readonly world: World;
  readonly client: PatientClient;
  readonly known: KnownRun[];
  readonly complaints: string[];
  readonly definitions: ReadonlyMap<string, string>;
}

const SHAPE_NAMES = Object.keys(shapes) as ShapeName[];

async function publishAll(
  client: PatientClient,
  published: readonly ShapeName[],
): Promise<Map<string, string>> {
  const definitions = new Map<string, string>();
  await Promise.all(
    WORKSPACES.flatMap((workspaceId) =>
      published.map(async (shape) => {
        const key = `${workspaceId}/${shape}`;
        const made = await client.call(`create-${key}`, (workflows, options) =>
          workflows.createDefinition({ workspaceId, name: shape }, options),
        );
        const definitionId = made.definition?.id ?? "";
        definitions.set(key, definitionId);
        await client.call(`publish-${key}`, (workflows, options) =>
          workflows.publishVersion({ definitionId, ...shapes[shape].version }, options),
        );
      }),
    ),
  );
  return definitions;
}

async function begin(desk: Desk, plan: PlannedRun, name: string): Promise<void> {
  const { shape, workspaceId } = plan;
  const definitionId = desk.definitions.get(`${workspaceId}/${shape}`) ?? "";
  if (shape === "triggered") {
    const eventId = `order-${name}`;
    desk.known.push({ plan, definitionId, runId: undefined, eventId });
    const order = { provider: "shop", entityType: "order", action: "placed" };
    const placed = { ...order, workspaceId, entityId: eventId, snapshot: { n: plan.n } };
    desk.world.sandbox.bus.publish(renderTapEvent({ ...placed, id: eventId }));
    return;
  }
  const runId = await start(desk, plan, definitionId, name);
  desk.known.push({ plan, definitionId, runId, eventId: undefined });
  await Promise.all([pauseForAWhile(desk, plan, runId, name), goOn(desk, plan, runId, name)]);
}

/** What runs of this shape need after their start. */
async function goOn(desk: Desk, plan: PlannedRun, runId: string, name: string): Promise<void> {
  const { shape } = plan;
  if (shape === "cancel" || shape === "task-cancel") {
    await delay(plan.cancelAfterMs);
    await desk.client.call(`cancel-${name}`, (workflows, options) =>
      workflows.cancelRun({ id: runId }, options),
    );
  }
  if (shape === "compensation") {
    await untilFailed(desk.world, runId);
    await desk.client.call(`compensate-${name}`, (workflows, options) =>
      workflows.compensateRun({ id: runId }, options),
    );
  }
}

async function pauseForAWhile(
  { client }: Desk,
  { pause, shape }: PlannedRun,
  runId: string,
  name: string,
): Promise<void> {
  if (pause === undefined) return;
  await delay(pause.afterMs);
  const isPaused = await unlessMoved(() =>
    client.call(`pause-${name}`, (workflows, options) =>
      workflows.pauseRun({ id: runId }, options),
    ),
  );
  if (!isPaused) return;
  await delay(pause.forMs);
  const resume = () =>
    client.call(`resume-${name}`, (workflows, options) =>
      workflows.resumeRun({ id: runId }, options),
    );
  // Nothing but a cancel ends a run that is paused.
  if (shape === "cancel") await unlessMoved(resume);
  else await resume();
}

/** False: the run was in a state in which this cannot be done any more. */
async function unlessMoved(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.FailedPrecondition) return false;
    throw error;
  }
}

async function start(desk: Desk, plan: PlannedRun, definitionId: string, name: string) {
  const ask = () =>
    desk.client.call(`start-${name}`, (workflows, options) =>
      workflows.startRun({ definitionId, inputPayload: { n: plan.n } }, options),
    );
  const runId = (await ask()).run?.id ?? "";
  if (plan.askedTwice) {
    const again = (await ask()).run?.id;
    if (again !== runId) desk.complaints.push(`start-${name} made ${runId}, and then ${again}`);
  }
  return runId;
}

async function untilFailed(world: World, runId: string): Promise<void> {
  const until = performance.now() + ENDED_PATIENCE_MS;
  while (performance.now() < until) {
    const [run] = await world.rows<{ state: string }>(
      "select state from workflow_runs where id = $1",
      [runId],
    );
    if (run?.state === "FAILED") return;
    await delay(ENDED_LOOK_MS);
  }
  throw new Error(`${runId} did not fail`);
}
