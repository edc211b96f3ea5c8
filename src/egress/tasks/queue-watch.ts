/**
 * Looks at the queues of tasks at times: how much waits, since when, who serves it, and whether NATS delivers it.
 * Boundary: metrics and the log; what is stuck is for stuck-queues.ts.
 */
import type { NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import { setGauge } from "../../process/metrics.ts";
import { createLoop, type StartedLoop } from "../../process/standing-loop.ts";
import type { QueueLook } from "../../runtime/replica-view.ts";
import type { WorkersSeen } from "../../runtime/workers-seen.ts";
import { placeOfSubject, TASKS_STREAM, tasksOf } from "../../wire/tasks/subjects.ts";
import { StuckQueues } from "./stuck-queues.ts";
import { isMissing, requireTaskStream, type TaskStreamDeps } from "./task-stream.ts";
import { UnservedQueues } from "./unserved-queues.ts";

/** What watching needs. */
export interface QueueWatchDeps extends TaskStreamDeps {
  readonly workers: WorkersSeen;
  /** 15 s unless given. */
  readonly everyMs?: number;
  /** How long a queue with tasks may be without a worker before it is logged; 60 s unless given. */
  readonly unservedMs?: number;
}

interface ServedQueue extends QueueLook {
  readonly workers: number;
}

const EVERY_MS = 15_000;
/** Queues whose oldest message and consumer are asked for: those with the most messages. */
const QUEUES_AT_MOST = 100;
const ANSWER_MS = 2_000;

/** Starts watching. */
export function startQueueWatch(deps: QueueWatchDeps): StartedLoop {
  const { log, everyMs = EVERY_MS } = deps;
  const unserved = new UnservedQueues(deps.unservedMs);
  const stuck = new StuckQueues();

  const loop = createLoop({
    name: "look at queues of tasks",
    everyMs,
    log,
    async round() {
      const looks = await lookAtServed(deps);
      for (const subject of unserved.judge(looks)) warnOf(log, looks.get(subject));
      showAll([...looks.values()]);
      const fullest = [...looks.values()].slice(0, QUEUES_AT_MOST);
      if (fullest.length > 0) await stuck.look(deps, fullest);
      return false;
    },
  });
  loop.start();
  return loop;
}

function warnOf(log: Log, look: ServedQueue | undefined): void {
  if (look === undefined) return;
  const { workspaceId, queue, messages } = look;
  log.warn("a queue has tasks and no worker", { workspaceId, queue, messages });
}

function showAll(looks: readonly ServedQueue[]): void {
  const show = (name: string, value: (look: ServedQueue) => number) =>
    setGauge(
      name,
      looks.map((look) => [{ workspace: look.workspaceId, queue: look.queue }, value(look)]),
    );
  show("workflows_queue_messages", ({ messages }) => messages);
  show("workflows_queue_oldest_seconds", ({ oldestSeconds }) => oldestSeconds);
  show("workflows_queue_workers", ({ workers }) => workers);
}

/** The queues that have messages, by subject. */
async function lookAtServed(deps: QueueWatchDeps): Promise<Map<string, ServedQueue>> {
  const looks = new Map<string, ServedQueue>();
  if (deps.connection.isClosed()) return looks;
  // One that is missing is made, as the publisher does.
  await requireTaskStream(deps);
  for (const [subject, look] of await lookAtQueues(deps.connection, "")) {
    looks.set(subject, { ...look, workers: deps.workers.of(look).length });
  }
  return looks;
}

/**
 * The queues of a workspace, of every one for "", that have messages, by subject and fullest first. Rejects when JetStream
 * does not answer.
 */
export async function lookAtQueues(
  connection: NatsConnection,
  workspaceId: string,
): Promise<Map<string, QueueLook>> {
  const looks = new Map<string, QueueLook>();
  for (const [subject, messages] of await countMessages(connection, workspaceId)) {
    const place = placeOfSubject(subject);
    if (place === undefined) continue;
    const isAsked = looks.size < QUEUES_AT_MOST;
    const oldestSeconds = isAsked ? await ageOfFirst(connection, subject) : 0;
    looks.set(subject, { ...place, messages, oldestSeconds });
  }
  return looks;
}

/** Messages by subject, most first. */
async function countMessages(connection: NatsConnection, workspaceId: string) {
  const manager = await connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
  try {
    const asked = { subjects_filter: tasksOf(workspaceId) };
    const { state } = await manager.streams.info(TASKS_STREAM, asked);
    return Object.entries(state.subjects ?? {}).sort(([, a], [, b]) => b - a);
  } catch (error) {
    // The publisher makes it.
    if (isMissing(error)) return [];
    throw error;
  }
}

/** How old the first message of a subject is, in seconds; 0 when there is none any more. */
async function ageOfFirst(connection: NatsConnection, subject: string): Promise<number> {
  // The client has no verb for the first message of a subject.
  const question = JSON.stringify({ seq: 0, next_by_subj: subject });
  const reply = await connection.request(`$JS.API.STREAM.MSG.GET.${TASKS_STREAM}`, question);
  const { message } = reply.json<{ readonly message?: { readonly time: string } }>();
  if (message === undefined) return 0;
  return Math.max(0, (Date.now() - Date.parse(message.time)) / 1000);
}
