/**
 * The service's side of the worker protocol, as docs/worker-protocol.md describes it: queues tasks, takes results.
 * Boundary: a nats-server of its own; it knows no runs.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AckPolicy, connect, type NatsConnection, nanos, RetentionPolicy, StorageType } from "nats";
import type { Task } from "../../../src/worker/protocol.ts";
import { type OwnNats, startOwnNats } from "./own-nats.ts";

/** A message that a worker published on the stream of results. */
interface SeenMessage {
  readonly worker: string;
  readonly results: readonly Record<string, unknown>[];
  readonly returned: readonly string[];
}

/** The queue `mail` of the workspace `ws_a`. */
export interface TaskQueue {
  readonly nats: OwnNats;
  readonly connection: NatsConnection;
  readonly seen: SeenMessage[];
  /** All results so far, in order. */
  results(): Record<string, unknown>[];
  /** Heartbeats so far. */
  readonly beats: Record<string, unknown>[];
  /** Ids that workers asked about. */
  readonly asked: string[];
  /** Ids that are answered as not open. */
  readonly closed: Set<string>;
  /** Makes both streams. */
  makeStreams(): Promise<void>;
  /** Queues tasks in one message. */
  queue(...tasks: readonly Task[]): Promise<void>;
  cancel(...ids: readonly string[]): void;
  /** Messages that are neither acknowledged nor waiting, and those that wait. */
  left(): Promise<number>;
  stop(): Promise<void>;
}

/** The token of the queue's workspace and name. */
const QUEUE = "ws_a.mail";

/** Starts a server and takes results from it. */
export async function startTaskQueue(): Promise<TaskQueue> {
  const nats = await startOwnNats();
  const connection = await connect({
    servers: nats.url,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 50,
  });
  const manager = await connection.jetstreamManager();
  const [seen, beats, asked, closed] = [[], [], [], new Set<string>()] as [
    SeenMessage[],
    Record<string, unknown>[],
    string[],
    Set<string>,
  ];
  connection.subscribe(`workflows.workers.${QUEUE}`, {
    callback: (_, message) => void beats.push(message.json<Record<string, unknown>>()),
  });
  connection.subscribe(`workflows.open.${QUEUE}`, {
    callback: (_, message) => {
      const { ids } = message.json<{ ids: string[] }>();
      asked.push(...ids);
      message.respond(JSON.stringify({ open: ids.filter((id) => !closed.has(id)) }));
    },
  });
  let stopped = false;
  const takeResults = async () => {
    const consumer = await connection.jetstream().consumers.get("WORKFLOWS_RESULTS", "service");
    while (!stopped) {
      const messages = await consumer.fetch({ max_messages: 100, expires: 1_000 });
      for await (const message of messages) {
        seen.push({
          results: [],
          returned: [],
          ...message.json<Partial<SeenMessage>>(),
        } as SeenMessage);
        message.ack();
      }
    }
  };
  return {
    ...{ nats, connection, seen, beats, asked, closed },
    results: () => seen.flatMap(({ results }) => results),
    async makeStreams() {
      const of = { storage: StorageType.File, retention: RetentionPolicy.Workqueue };
      const window = { duplicate_window: nanos(120_000) };
      await manager.streams.add({
        name: "WORKFLOWS_TASKS",
        subjects: ["workflows.tasks.*.*"],
        ...of,
        ...window,
      });
      await manager.streams.add({
        name: "WORKFLOWS_RESULTS",
        subjects: ["workflows.results.*.*"],
        ...of,
        ...window,
      });
      await manager.consumers.add("WORKFLOWS_RESULTS", {
        durable_name: "service",
        ack_policy: AckPolicy.Explicit,
      });
      void takeUntilStopped(takeResults, () => stopped);
    },
    async queue(...tasks) {
      await connection.jetstream().publish(`workflows.tasks.${QUEUE}`, JSON.stringify({ tasks }));
    },
    cancel(...ids) {
      connection.publish(`workflows.cancels.${QUEUE}`, JSON.stringify({ tasks: ids }));
    },
    left: async () => (await manager.streams.info("WORKFLOWS_TASKS")).state.messages,
    async stop() {
      stopped = true;
      await connection.close();
      await nats.stop();
    },
  };
}

/** A server that restarts fails a fetch. */
async function takeUntilStopped(take: () => Promise<void>, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    try {
      await take();
    } catch {
      await delay(50);
    }
  }
}

/** A task of the action `act` of a run, with an input. */
export function taskOf(run: string, given: Partial<Task> = {}): Task {
  const { attempt = 1, step_id = "mail" } = given;
  return {
    id: `${run}/${step_id}/${attempt}`,
    run_id: run,
    step_id,
    attempt,
    idempotency_key: `${run}/${step_id}`,
    definition_id: "wf_a",
    action_type: "act",
    title: "",
    instructions: "",
    parameters: {},
    input: {},
    queued_at: "2026-01-01T00:00:00.000Z",
    ...given,
  };
}
