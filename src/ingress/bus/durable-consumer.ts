/**
 * Finds or makes the durable consumer of a source, and its stream where that is allowed.
 *
 * Boundary: JetStream's administration; messages are pulled elsewhere.
 * Invariants:
 * 1. A consumer that exists is changed only when its settings differ, and once a process: two
 *    releases side by side do not fight on every reconnect.
 * 2. A consumer that has to be made begins where nothing is missed and nothing old is taken: at the
 *    service's start, at the first message of a stream younger than that, or after what was handled.
 */
import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  type ConsumerUpdateConfig,
  DeliverPolicy,
  type JetStreamManager,
  type NatsConnection,
  nanos,
  type StreamInfo,
} from "nats";
import type { Log } from "../../process/log.ts";
import { limitSettings, type StreamLimits } from "../../runtime/stream-limits.ts";
import { isMissing } from "./nats-errors.ts";
import type { ConsumerPlan } from "./sources.ts";

/**
 * How long a message may be in hand, unless it is said to be in work, before it is delivered again: after a crash, and
 * when it came to a pull that the client's own timer ended, 50 ms after the server's, as happens on a busy machine.
 */
export const ACK_WAIT_MS = 10_000;
const ACKS_PENDING_AT_MOST = 1_000;

/** What this process has seen of a source; openConsumer keeps it up to date. */
export interface SourceMemory {
  /** By the database's clock: this machine's may be a day off. */
  readonly startedAt: Date;
  /** The consumer's settings were compared. */
  compared: boolean;
  /** When the stream that was found last was made; "" before. */
  streamCreated: string;
  /** Up to this sequence all is handled, by any replica, as the server last reported; undefined until then. */
  ackFloor: number | undefined;
}

/** What openConsumer needs. */
export interface ConsumerDeps {
  readonly connection: NatsConnection;
  readonly plan: ConsumerPlan;
  readonly memory: SourceMemory;
  /** Subjects to make the stream with when it is missing; unset: it is waited for. */
  readonly makeStreamWith?: readonly string[];
  /** Limits of a stream that has to be made. */
  readonly limits: StreamLimits;
  readonly log: Log;
}

/** A memory of nothing; the source counts from `startedAt` on. */
export function emptyMemory(startedAt: Date): SourceMemory {
  return { startedAt, compared: false, streamCreated: "", ackFloor: undefined };
}

/** The consumer, ready to be pulled from; undefined while its stream is missing. */
export async function openConsumer(deps: ConsumerDeps): Promise<Consumer | undefined> {
  const { connection, plan, memory } = deps;
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const stream = await findStream(manager, deps);
  if (stream === undefined) return undefined;
  if (memory.streamCreated !== "" && memory.streamCreated !== stream.created) {
    memory.ackFloor = undefined;
  }
  memory.streamCreated = stream.created;
  await requireConsumer(manager, deps);
  return await connection.jetstream().consumers.get(plan.stream, plan.durable);
}

async function findStream(
  manager: JetStreamManager,
  { plan, makeStreamWith, limits, log }: ConsumerDeps,
): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(plan.stream);
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (makeStreamWith === undefined) return undefined;
  }
  log.info("making a source stream that is missing", { stream: plan.stream });
  return await manager.streams.add({
    name: plan.stream,
    subjects: [...makeStreamWith],
    ...limitSettings(limits),
  });
}

async function requireConsumer(manager: JetStreamManager, deps: ConsumerDeps): Promise<void> {
  const { plan, memory, log } = deps;
  const settings = settingsOf(plan);
  try {
    const { config, ack_floor } = await manager.consumers.info(plan.stream, plan.durable);
    memory.ackFloor = ack_floor.stream_seq;
    if (!memory.compared && differs(config, settings)) {
      log.warn("a consumer has other settings; they are changed", { consumer: plan.durable });
      await manager.consumers.update(plan.stream, plan.durable, settings);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
    await manager.consumers.add(plan.stream, {
      ...settings,
      ...positionOf(memory),
      durable_name: plan.durable,
      ack_policy: AckPolicy.Explicit,
    });
  }
  memory.compared = true;
}

function settingsOf(plan: ConsumerPlan): Partial<ConsumerUpdateConfig> {
  return {
    filter_subject: plan.subject,
    ack_wait: nanos(ACK_WAIT_MS),
    // Deliveries are counted here, not there: the server's advisory on the last one is not durable.
    max_deliver: -1,
    max_ack_pending: ACKS_PENDING_AT_MOST,
  };
}

function differs(found: ConsumerConfig, wanted: Partial<ConsumerUpdateConfig>): boolean {
  return (
    found.filter_subject !== wanted.filter_subject ||
    found.ack_wait !== wanted.ack_wait ||
    (found.max_deliver ?? -1) !== wanted.max_deliver ||
    found.max_ack_pending !== wanted.max_ack_pending
  );
}

function positionOf({
  startedAt,
  streamCreated,
  ackFloor = 0,
}: SourceMemory): Partial<ConsumerConfig> & Pick<ConsumerConfig, "deliver_policy"> {
  if (ackFloor > 0) {
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: ackFloor + 1 };
  }
  if (Date.parse(streamCreated) >= startedAt.getTime()) {
    return { deliver_policy: DeliverPolicy.All };
  }
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: startedAt.toISOString() };
}
