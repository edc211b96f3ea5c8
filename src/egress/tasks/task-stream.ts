/**
 * The stream of tasks: made when it is missing, and asked whether it still has a message.
 * Boundary: JetStream's administration; what is published is task-publisher.ts.
 */
import {
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  RetentionPolicy,
  type StreamInfo,
} from "nats";
import type { Log } from "../../process/log.ts";
import { limitSettings, type StreamLimits } from "../../runtime/stream-limits.ts";
import type { StreamPlace } from "../../store/task-places.ts";
import { TASKS_STREAM, TASKS_SUBJECTS } from "../../wire/tasks/subjects.ts";

/** What the stream needs. */
export interface TaskStreamDeps {
  readonly connection: NatsConnection;
  /** Limits of a stream that has to be made; tasks do not expire. */
  readonly limits: StreamLimits;
  readonly log: Log;
}

/** The stream as it stood when it was looked at. */
export interface TaskStreamState {
  readonly created: string;
  /** Whether the stream has the message, and, where `alone`, with one task only; asks at most once about each. */
  has(place: StreamPlace, alone: boolean): Promise<boolean>;
}

/** The stream; made when it is missing. Rejects when JetStream cannot be asked. */
export async function requireTaskStream(deps: TaskStreamDeps): Promise<StreamInfo> {
  const manager = await deps.connection.jetstreamManager({ checkAPI: false });
  try {
    return await manager.streams.info(TASKS_STREAM);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  deps.log.info("the stream of tasks is missing and is made", { stream: TASKS_STREAM });
  return await manager.streams.add({
    name: TASKS_STREAM,
    subjects: [TASKS_SUBJECTS],
    retention: RetentionPolicy.Workqueue,
    // A full stream takes no more, and what it has is kept: tasks that it refused are published later.
    discard: DiscardPolicy.New,
    ...limitSettings({ ...deps.limits, maxAgeMs: 0 }),
  });
}

/** Looks at the stream. Rejects when JetStream cannot be asked. */
export async function lookAtTaskStream(deps: TaskStreamDeps): Promise<TaskStreamState> {
  const { created, state } = await requireTaskStream(deps);
  const manager = await deps.connection.jetstreamManager({ checkAPI: false });
  const asked = new Map<number, Promise<number>>();
  return {
    created,
    async has({ created: ofStream, seq }, alone) {
      if (ofStream !== created || seq < state.first_seq || seq > state.last_seq) return false;
      const known = asked.get(seq) ?? countTasks(manager, seq);
      asked.set(seq, known);
      const tasks = await known;
      return alone ? tasks === 1 : tasks > 0;
    },
  };
}

/** How many tasks the message has; 0 when the stream does not have it. */
async function countTasks(manager: JetStreamManager, seq: number): Promise<number> {
  try {
    const message = await manager.streams.getMessage(TASKS_STREAM, { seq });
    return message.json<{ readonly tasks: readonly unknown[] }>().tasks.length;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404;
}
