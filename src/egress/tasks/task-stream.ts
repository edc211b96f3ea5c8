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
  /** Whether the message at the place has the task, and, where `alone`, no other one; asks at most once about each place. */
  has(taskId: string, place: StreamPlace, alone: boolean): Promise<boolean>;
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
  const asked = new Map<number, Promise<readonly string[]>>();
  return {
    created,
    // By what the message holds: a place may name a stream that was made anew meanwhile.
    async has(taskId, { seq }, alone) {
      if (seq < state.first_seq || seq > state.last_seq) return false;
      const known = asked.get(seq) ?? listTasks(manager, seq);
      asked.set(seq, known);
      const tasks = await known;
      return tasks.includes(taskId) && !(alone && tasks.length > 1);
    },
  };
}

/** The ids of the message's tasks; none when the stream does not have it. */
async function listTasks(manager: JetStreamManager, seq: number): Promise<readonly string[]> {
  try {
    const message = await manager.streams.getMessage(TASKS_STREAM, { seq });
    const { tasks } = message.json<{ readonly tasks: readonly { readonly id: string }[] }>();
    return tasks.map(({ id }) => id);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Whether JetStream says that there is no such stream or message. */
export function isMissing(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404;
}
