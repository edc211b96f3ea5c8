/**
 * The events in the service's stream, as I4 compares them with the outbox.
 * Boundary: reads ids and subjects alone, batch by batch with an ordered consumer that the server forgets by itself.
 * Invariant: a share of the runs is in memory at a time, so that the stream may be larger than the memory.
 */
import {
  type Consumer,
  type ConsumerMessages,
  connect,
  type NatsConnection,
  type StreamInfo,
} from "nats";

/** An event as the stream has it. */
export interface StreamEvent {
  readonly seq: number;
  readonly place: number;
  readonly subject: string;
}

/** The events of one run, each at its first place in the stream. */
export interface RunEvents {
  readonly events: StreamEvent[];
  readonly ids: Set<string>;
  /** When the stream stored the last one. */
  storedAtMs: number;
}

/** All that was read. */
export interface ReadEvents {
  /** Those of the runs that were wanted, by run. */
  readonly runs: Map<string, RunEvents>;
  /** Subjects of those of definitions and versions, by id, each at its first place in the stream. */
  readonly changes: Map<string, string>;
}

/** What the stream is at a moment. */
export interface StreamState {
  readonly messages: number;
  readonly lastSeq: number;
  /** When its first message was stored; undefined: it has lost none at its head, or has none. */
  readonly headAt: Date | undefined;
  /** 0: messages do not expire. */
  readonly maxAgeMs: number;
}

const NS_A_MS = 1_000_000;
const MESSAGES_AT_ONCE = 1_000;
const LOOK_EVERY_MS = 1_000;
const MOST_FAILURES = 3;
const MESSAGE_ID = "Nats-Msg-Id";
const SUBJECTS = /^workflows\.changes\.(run|step)\./;
const CHANGES = /^workflows\.changes\.(definition|version|workflow)\./;
const EVENT_ID = /^(.+)-(\d+)-(\d+)$/;

/** Connects to one of these addresses, separated by commas; it gives up when they are away. */
export async function connectBus(natsUrls: string): Promise<NatsConnection> {
  const servers = natsUrls.split(",");
  const { username, password } = new URL(servers[0] ?? "");
  const user = username === "" ? {} : { user: username, pass: password };
  return connect({ servers, reconnect: false, name: "workflows-verify", ...user });
}

/** Asks how far the stream goes. Rejects when there is none. */
export async function readStreamState(
  connection: NatsConnection,
  stream: string,
): Promise<StreamState> {
  const manager = await connection.jetstreamManager();
  const { state, config }: StreamInfo = await manager.streams.info(stream);
  const { messages, last_seq: lastSeq, first_seq: firstSeq, first_ts: firstTime } = state;
  const headAt = firstSeq > 1 && messages > 0 ? new Date(firstTime) : undefined;
  return { messages, lastSeq, headAt, maxAgeMs: config.max_age / NS_A_MS };
}

/** Events recorded until then may have expired; undefined: none has. A stream that was made anew has no older ones. */
export function expiredUntil({ headAt, maxAgeMs }: StreamState, now: Date): Date | undefined {
  const byAge = maxAgeMs > 0 ? new Date(now.getTime() - maxAgeMs) : undefined;
  if (headAt === undefined || byAge === undefined) return headAt ?? byAge;
  return headAt > byAge ? headAt : byAge;
}

/**
 * The events of the runs that `isWanted` names, and of all definitions, from the first message to `lastSeq`. Messages that
 * expire meanwhile are missing. Rejects when the stream is deleted.
 */
export async function readEvents(
  connection: NatsConnection,
  stream: string,
  lastSeq: number,
  isWanted: (runId: string) => boolean,
): Promise<ReadEvents> {
  const found: ReadEvents = { runs: new Map(), changes: new Map() };
  if (lastSeq === 0) return found;
  const consumer = await connection.jetstream().consumers.get(stream, { headers_only: true });
  const messages = await consumer.consume({
    max_messages: MESSAGES_AT_ONCE,
    abort_on_missing_resource: true,
  });
  let read = 0;
  const watch = watchEnd(messages, () => read, consumer);
  try {
    for await (const message of messages) {
      read += 1;
      const { subject } = message;
      const id = message.headers?.get(MESSAGE_ID) ?? "";
      const [, runId = "", seq, place] = EVENT_ID.exec(id) ?? [];
      if (SUBJECTS.test(subject) && runId !== "" && isWanted(runId)) {
        const event = { seq: Number(seq), place: Number(place), subject };
        addEvent(found.runs, runId, event, message.info.timestampNanos / NS_A_MS);
      } else if (CHANGES.test(subject) && !found.changes.has(id)) found.changes.set(id, subject);
      if (message.seq >= lastSeq || message.info.pending === 0) break;
    }
  } finally {
    watch.stop();
    await messages.close();
  }
  watch.check();
  return found;
}

/**
 * Ends the reading of messages that are gone: what expires after `lastSeq` was asked never comes. Twice in a row the
 * server must have none left while none arrives: its answer may overtake a message within this process.
 */
function watchEnd(messages: ConsumerMessages, read: () => number, consumer: Consumer) {
  let failure: unknown;
  let failures = 0;
  let idleAt = -1;
  const look = async () => {
    const before = read();
    const { num_pending: pending } = await consumer.info();
    failures = 0;
    const isIdle = pending === 0 && read() === before;
    if (isIdle && idleAt === before) messages.stop();
    idleAt = isIdle ? before : -1;
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => {
      // A consumer is missing for a moment while it is made anew.
      failures += 1;
      if (failures < MOST_FAILURES) return;
      failure = error;
      messages.stop();
    });
  }, LOOK_EVERY_MS);
  return {
    stop: () => clearInterval(timer),
    check() {
      if (failure !== undefined) throw failure;
    },
  };
}

function addEvent(
  found: Map<string, RunEvents>,
  runId: string,
  event: StreamEvent,
  storedAtMs: number,
): void {
  const run = found.get(runId) ?? { events: [], ids: new Set(), storedAtMs };
  found.set(runId, run);
  run.storedAtMs = storedAtMs;
  const id = `${event.seq}-${event.place}`;
  if (run.ids.has(id)) return;
  run.ids.add(id);
  run.events.push(event);
}
