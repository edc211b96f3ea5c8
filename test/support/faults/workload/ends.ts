/**
 * Whether all that was begun has ended, and ended as it does without faults.
 * Boundary: asks the database for the ends, a replica for the runs as callers see them, and the sandbox for what is open
 * at the owners. The history, the stream and the ledgers are for tools/verify.
 */

import { Agent } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { NatsError } from "nats";
import { ObjectiveService, ObjectiveState } from "../../../../gen/objectives/v1/objectives_pb.ts";
import {
  StepRunState,
  StepRunStateSchema,
  type WorkflowRun,
  WorkflowStateSchema,
} from "../../../../gen/workflows/v1/workflows_pb.ts";
import { lookAtTaskQueues, takeUnacknowledged } from "../world/task-queues.ts";
import type { World } from "../world/world.ts";
import { type RunEnd, shapes } from "./shapes.ts";
import type { KnownRun, Workload } from "./workload.ts";

const LOOK_MS = 100;
const CANCELLED = "CANCELLED";

/** What is not done yet. */
interface Open {
  readonly runs: number;
  readonly missing: number;
  readonly calls: number;
  readonly unpublished: number;
  /** Messages of tasks that no worker has acknowledged. */
  readonly tasks: number;
}

/** Tasks that stay open for so long when all else has ended are counted without their workers; a handler takes 8 s at most. */
const TASKS_LEFT_MS = 14_000;

/**
 * A stream that was lost has the whole history published again, which takes the longer the longer a world runs: it is at work
 * while fewer batches are left than ever since the wait began.
 */
const AT_WORK_MS = 10_000;

/** Waits until nothing is open any more; when that takes too long, what is still open. */
export async function untilQuiet(
  world: World,
  workload: Workload,
  patienceMs: number,
): Promise<string | undefined> {
  let until = performance.now() + patienceMs;
  let lastElse = performance.now();
  let fewest = Number.POSITIVE_INFINITY;
  for (;;) {
    const { runs, missing, calls, unpublished, tasks } = await countOpen(world, workload.open);
    const others = runs + missing + calls + unpublished;
    if (others + tasks === 0) return undefined;
    const nowMs = performance.now();
    if (unpublished < fewest) until = Math.max(until, nowMs + AT_WORK_MS);
    fewest = Math.min(fewest, unpublished);
    if (others > 0) lastElse = nowMs;
    else if (nowMs - lastElse > TASKS_LEFT_MS) {
      try {
        return await findUnacknowledged(world);
      } catch (error) {
        // JetStream may not answer in time beside other work.
        if (!(error instanceof NatsError) || nowMs > until) throw error;
      }
    }
    // Messages of tasks that are left have their own time.
    if (others > 0 && nowMs > until) {
      return `${runs} runs, ${missing} events without a run, ${calls} calls, ${unpublished} unpublished batches, ${tasks} messages of tasks`;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function findUnacknowledged({ workers, sandbox }: World): Promise<string | undefined> {
  const left = await workers.pause(() => takeUnacknowledged(sandbox.bus.connection));
  return left === 0 ? undefined : `${left} messages of tasks that no worker acknowledges`;
}

async function countOpen(world: World, known: readonly KnownRun[]): Promise<Open> {
  const eventIds = known.flatMap(({ eventId }) => (eventId === undefined ? [] : [eventId]));
  const [open] = await world.rows<Open & { readonly started: number }>(
    `select
      (select count(*) from workflow_runs where completed_at is null)::int as runs,
      (select count(distinct trigger_event_id) from workflow_runs
        where trigger_event_id = any($1))::int as started,
      (select count(*) from effects)::int as calls,
      (select count(*) from move_batches where published_at is null)::int as unpublished`,
    [eventIds],
  );
  if (open === undefined) throw new Error("a count gives one row");
  return { ...open, missing: eventIds.length - open.started, tasks: await countTasks(world) };
}

/**
 * By the consumers, not the stream: a NATS server that was killed may have an acknowledged message on its stream again, which
 * it never delivers (docs/guarantees.md, known gaps).
 */
async function countTasks({ sandbox }: World): Promise<number> {
  const seen = await lookAtTaskQueues(sandbox.bus.connection).catch((error: unknown) => {
    if (error instanceof NatsError) return undefined;
    throw error;
  });
  // While JetStream does not answer, nothing is at rest.
  return seen === undefined
    ? 1
    : seen.consumers.reduce(
        (sum, { undelivered, unacknowledged }) => sum + undelivered + unacknowledged,
        0,
      );
}

/** Every difference between how the open runs ended and how they end without faults. */
export async function findDifferences(world: World, workload: Workload): Promise<string[]> {
  const runs = await Promise.all(workload.open.map((run) => differencesOf(world, workload, run)));
  return [
    ...runs.flat(),
    ...(await openObjectives(world, workload)),
    ...(await unknownRuns(world, workload)),
  ];
}

/** Runs that no caller was told of, although every start was answered at last. */
async function unknownRuns(world: World, workload: Workload): Promise<string[]> {
  const ids = new Set(workload.known.map(({ runId }) => runId));
  const definitions = [...new Set(workload.known.map(({ definitionId }) => definitionId))];
  const rows = await world.rows<{ id: string }>(
    "select id from workflow_runs where definition_id = any($1) and trigger_event_id = ''",
    [definitions],
  );
  return rows.filter(({ id }) => !ids.has(id)).map(({ id }) => `nobody was told of ${id}`);
}

async function differencesOf(world: World, workload: Workload, run: KnownRun): Promise<string[]> {
  const ids = run.runId === undefined ? await startedBy(world, run) : [run.runId];
  if (ids.length !== 1) {
    return [`event ${run.eventId} started ${ids.length} runs: ${ids.join(", ")}`];
  }
  const [id = ""] = ids;
  const answer = await workload.client.call(`get-${id}`, (workflows, { timeoutMs = 0 }) =>
    workflows.getRun({ id }, { timeoutMs }),
  );
  if (answer.run === undefined) return [`${id} is gone`];
  const { endOf: wantedEnd, tasks } = shapes[run.plan.shape];
  const wanted = wantedEnd(run.plan.n);
  const end = endOf(answer.run);
  const { totalCostUsd } = answer.run;
  const found = wanted.costUsd === undefined ? end : { ...end, costUsd: totalCostUsd };
  const differences = tasks === undefined ? [] : tasksOf(world, id, tasks, wanted.state);
  return isDeepStrictEqual(found, wanted)
    ? differences
    : [
        `${id} (${run.plan.shape}) ended as ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`,
        ...differences,
      ];
}

/** Tasks that no worker began, and tasks that no attempt has. */
function tasksOf(
  { workers }: World,
  runId: string,
  wanted: readonly string[],
  state: string,
): string[] {
  const ids = wanted.map((task) => `${runId}/${task}`);
  const never = state === CANCELLED ? [] : ids.filter((id) => !workers.began.has(id));
  const others = [...workers.began.keys()].filter(
    (id) => id.startsWith(`${runId}/`) && !ids.includes(id),
  );
  return [
    ...never.map((id) => `no worker began the task ${id}`),
    ...others.map((id) => `a worker began ${id}, which is a task of no attempt`),
  ];
}

/** Runs of this event, in whatever workspace. */
async function startedBy(world: World, { eventId, plan }: KnownRun): Promise<string[]> {
  const rows = await world.rows<{ id: string; workspaceId: string }>(
    `select id, workspace_id as "workspaceId" from workflow_runs where trigger_event_id = $1`,
    [eventId],
  );
  return rows.map((row) =>
    row.workspaceId === plan.workspaceId ? row.id : `${row.id} of ${row.workspaceId}`,
  );
}

function endOf(run: WorkflowRun): RunEnd {
  const begun = run.steps.filter(
    ({ state }) => state !== StepRunState.SKIPPED && state !== StepRunState.PENDING,
  );
  return {
    state: WorkflowStateSchema.value[run.state]?.localName ?? "",
    output: run.outputPayload,
    steps: Object.fromEntries(
      begun.map(({ stepId, state }) => [stepId, StepRunStateSchema.value[state]?.localName ?? ""]),
    ),
  };
}

const FINAL: ReadonlySet<ObjectiveState> = new Set([
  ObjectiveState.COMPLETED,
  ObjectiveState.FAILED,
  ObjectiveState.CANCELLED,
]);

/** Objectives that nobody will ever end, for no run waits for them any more. */
async function openObjectives({ sandbox }: World, workload: Workload): Promise<string[]> {
  const transport = createConnectTransport({
    baseUrl: sandbox.urls.OBJECTIVES_URL,
    httpVersion: "1.1",
    // A connection that is kept may be closed just as the next call begins.
    nodeOptions: { agent: new Agent({ keepAlive: false }) },
  });
  const owner = createClient(ObjectiveService, transport);
  const runs = new Set(workload.open.map(({ runId }) => runId));
  const made = sandbox.ledgers.objectives.filter(({ request }) =>
    runs.has(JSON.parse(request.description).run_id),
  );
  const asked = await Promise.all(made.map(({ id }) => askTwice(() => owner.get({ id }))));
  return asked.flatMap(({ objective }) =>
    objective === undefined || FINAL.has(objective.state)
      ? []
      : [`objective ${objective.id} was left open: ${objective.description}`],
  );
}

/** A busy machine resets a connection now and then. */
async function askTwice<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch {
    return await ask();
  }
}
