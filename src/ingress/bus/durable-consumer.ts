/**
 * Finds or makes the durable consumer of a source, and its stream where that is allowed.
 *
 * Boundary: JetStream's administration; messages are pulled elsewhere.
 * Invariants:
 * 1. A consumer that exists is changed only when its settings differ, and once a process: two
 *    releases side by side do not fight on every reconnect.
 * 2. A consumer that has to be made begins where nothing is missed and nothing old is taken: after what was handled,
 *    at the first message of a stream that was made after the source was first served, or at that time. Postgres
 *    keeps both, for the replica that makes the consumer may have seen none of it.
 * 3. A consumer that exists is used also while the database is away.
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
import { isTemporary } from "../../runtime/temporary.ts";
import type { Database } from "../../store/database.ts";
import {
  findSourcePosition,
  forgetFloor,
  keepFloor,
  type SourcePosition,
  type StreamFloor,
} from "../../store/source-positions.ts";
import { isMissing } from "./nats-errors.ts";
import type { ConsumerPlan } from "./sources.ts";

/**
 * How long a message may be in hand, unless it is said to be in work, before it is delivered again: after a crash, and
 * when it came to a pull that the client's own timer ended, 50 ms after the server's, as happens on a busy machine.
 */
export const ACK_WAIT_MS = 10_000;
const ACKS_PENDING_AT_MOST = 1_000;
/** Between the clocks of NATS and the database; what is taken again for it does nothing. */
const CLOCKS_APART_MS = 3_600_000;

/** What this process has seen of a source; openConsumer keeps it up to date. */
export interface SourceMemory {
  /** By the database's clock: this machine's may be a day off. */
  readonly startedAt: Date;
  /** The consumer's settings were compared. */
  compared: boolean;
  /** When the stream that was found last was made; "" before. */
  streamCreated: string;
  /** What Postgres keeps, as this process last knew it; undefined until then. */
  kept: StreamFloor | undefined;
}

/** What openConsumer needs. */
export interface ConsumerDeps {
  readonly connection: NatsConnection;
  readonly database: Database;
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
  return { startedAt, compared: false, streamCreated: "", kept: undefined };
}

/** The consumer, ready to be pulled from; undefined while its stream is missing. */
export async function openConsumer(deps: ConsumerDeps): Promise<Consumer | undefined> {
  const { connection, memory } = deps;
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const stream = await findStream(manager, deps);
  // Also while the stream is missing: one that is made later is then known to be younger than the service.
  const isUnknown = memory.kept === undefined;
  const keeping = isUnknown ? tryToKeep(deps, () => findPosition(deps, stream)) : undefined;
  if (stream !== undefined) memory.streamCreated = stream.created;
  // The database is asked beside it.
  const finding = stream === undefined ? undefined : findConsumer(deps);
  const [found] = await Promise.all([finding, keeping]);
  return stream === undefined ? undefined : requireConsumer(manager, deps, stream, found);
}

/** Keeps how far the consumer is, where that is news: an idle source costs no statement. */
export async function noteFloor(deps: ConsumerDeps, consumer: Consumer): Promise<void> {
  const { database, plan, memory } = deps;
  const { ack_floor } = await consumer.info();
  const floor = { created: memory.streamCreated, ackFloor: ack_floor.stream_seq };
  const { kept } = memory;
  if (kept?.created === floor.created && kept.ackFloor >= floor.ackFloor) return;
  await tryToKeep(deps, async () => {
    await keepFloor(database, plan, memory.startedAt, floor);
    memory.kept = floor;
  });
}

/** Reads where the source stands, and forgets a floor that an older copy of the stream has made useless. */
async function findPosition(
  { database, plan, memory }: ConsumerDeps,
  stream: StreamInfo | undefined,
): Promise<SourcePosition> {
  let position = await findSourcePosition(database, plan, memory.startedAt);
  if (stream !== undefined && isOlderCopy(stream, position)) {
    // The floor would be wrong, and look right, once the copy has grown past it.
    await forgetFloor(database, plan, stream.created, stream.state.last_seq);
    position = { ...position, ackFloor: 0 };
  }
  memory.kept = position;
  return position;
}

function isOlderCopy({ created, state }: StreamInfo, kept: StreamFloor | undefined): boolean {
  return kept?.created === created && kept.ackFloor > state.last_seq;
}

/** What can be done later, for the next look does it again. The consumer is used meanwhile. */
async function tryToKeep({ log, plan }: ConsumerDeps, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // What passes by itself is no fault; anything else would go on unseen until a consumer is lost.
    const level = isTemporary(error) ? "debug" : "error";
    log[level]("the position of a source is not kept", { consumer: plan.durable, error });
  }
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

/** The consumer that is there, with its settings as the server has them; undefined: it is missing. */
async function findConsumer({ connection, plan }: ConsumerDeps): Promise<Consumer | undefined> {
  try {
    return await connection.jetstream().consumers.get(plan.stream, plan.durable);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return undefined;
  }
}

async function requireConsumer(
  manager: JetStreamManager,
  deps: ConsumerDeps,
  stream: StreamInfo,
  found: Consumer | undefined,
): Promise<Consumer> {
  const { connection, plan, memory, log } = deps;
  const settings = settingsOf(plan);
  if (found === undefined) {
    // A database that is away is waited for: a guess could skip events for good, and without it none could be handled.
    const position = await findPosition(deps, stream);
    await manager.consumers.add(plan.stream, {
      ...settings,
      ...beginAt(stream, position),
      durable_name: plan.durable,
      ack_policy: AckPolicy.Explicit,
    });
  } else if (!memory.compared && differs((await found.info(true)).config, settings)) {
    log.warn("a consumer has other settings; they are changed", { consumer: plan.durable });
    await manager.consumers.update(plan.stream, plan.durable, settings);
  }
  memory.compared = true;
  // The server restored the consumer with the copy.
  if (isOlderCopy(stream, memory.kept)) await tryToKeep(deps, () => findPosition(deps, stream));
  return found ?? (await connection.jetstream().consumers.get(plan.stream, plan.durable));
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

/**
 * Of an older copy all that it has from before the floor was seen is handled. What came after it was restored has
 * sequences that were handled once, with other events: only the time tells them apart.
 */
function beginAt(
  { created }: StreamInfo,
  position: SourcePosition,
): Partial<ConsumerConfig> & Pick<ConsumerConfig, "deliver_policy"> {
  const { ackFloor, servedAt, seenAt } = position;
  const isSame = position.created === created;
  if (isSame && ackFloor > 0) {
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: ackFloor + 1 };
  }
  const seen = isSame ? seenAt.getTime() - CLOCKS_APART_MS : 0;
  const begin = Math.max(servedAt.getTime(), seen);
  if (Date.parse(created) >= begin) return { deliver_policy: DeliverPolicy.All };
  return {
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(begin).toISOString(),
  };
}
