/**
 * The messages of a stream, in batches, from its first to the last one that there was at the start.
 * Boundary: an ordered consumer, which the server forgets by itself; acknowledges and changes nothing.
 */
import { connect } from "nats";

/** One message. */
export interface StreamMessage {
  readonly seq: number;
  /** The event's id. */
  readonly id: string;
}

/** A stream that is open. */
export interface StreamDump {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When its first message was stored; undefined: it is empty. */
  readonly firstAt: Date | undefined;
  /** Reads all of it; may be called again. */
  read(): AsyncGenerator<StreamMessage>;
  close(): Promise<void>;
}

const BATCH = 1_000;
const WAIT_MS = 5_000;

/** Opens the stream as it is now. Rejects when it does not exist. */
export async function openStreamDump(natsUrl: string, stream: string): Promise<StreamDump> {
  const connection = await connect({ servers: [natsUrl] });
  try {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info(stream);
    const { first_seq: firstSeq, last_seq: lastSeq, messages } = state;
    return {
      firstSeq,
      lastSeq,
      firstAt: messages === 0 ? undefined : new Date(state.first_ts),
      close: () => connection.close(),
      async *read() {
        if (messages === 0) return;
        const consumer = await connection.jetstream().consumers.get(stream);
        for (let at = 0; at < lastSeq; ) {
          const before = at;
          const batch = await consumer.fetch({ max_messages: BATCH, expires: WAIT_MS });
          for await (const message of batch) {
            at = message.seq;
            if (at <= lastSeq) yield { seq: at, id: message.headers?.get("Nats-Msg-Id") ?? "" };
            if (at >= lastSeq) break;
          }
          // Deleted messages at the end never come.
          if (at === before) return;
        }
      },
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
