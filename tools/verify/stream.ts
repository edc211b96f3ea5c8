/**
 * The events of runs in the service's stream, as I4 compares them with the outbox.
 * Boundary: reads ids and subjects alone, batch by batch with an ordered consumer that the server forgets by itself.
 * Invariant: a share of the runs is in memory at a time, so that the stream may be larger than the memory.
 */
import { connect, type NatsConnection, type StreamInfo } from "nats";

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

/** What the stream is before it is read. */
export interface StreamState {
  readonly messages: number;
  readonly lastSeq: number;
  /** Events recorded before may have expired; undefined: the stream has lost none at its head. */
  readonly since: Date | undefined;
}

const MESSAGES_AT_ONCE = 1_000;
const MESSAGE_ID = "Nats-Msg-Id";
const SUBJECTS = /^workflows\.changes\.(run|step)\./;
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
  const { state }: StreamInfo = await manager.streams.info(stream);
  const { messages, last_seq: lastSeq, first_seq: firstSeq, first_ts: firstTime } = state;
  return { messages, lastSeq, since: firstSeq > 1 ? new Date(firstTime) : undefined };
}

/** The events of the runs that `isWanted` names, by run, from the first message to `lastSeq`. */
export async function readEvents(
  connection: NatsConnection,
  stream: string,
  { messages: stored, lastSeq }: StreamState,
  isWanted: (runId: string) => boolean,
): Promise<Map<string, RunEvents>> {
  const found = new Map<string, RunEvents>();
  if (stored === 0) return found;
  const consumer = await connection.jetstream().consumers.get(stream, { headers_only: true });
  const messages = await consumer.consume({ max_messages: MESSAGES_AT_ONCE });
  for await (const message of messages) {
    const [, runId = "", seq, place] = EVENT_ID.exec(message.headers?.get(MESSAGE_ID) ?? "") ?? [];
    if (SUBJECTS.test(message.subject) && runId !== "" && isWanted(runId)) {
      const event = { seq: Number(seq), place: Number(place), subject: message.subject };
      addEvent(found, runId, event, message.info.timestampNanos / 1e6);
    }
    if (message.seq >= lastSeq || message.info.pending === 0) break;
  }
  await messages.close();
  return found;
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
