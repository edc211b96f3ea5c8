/**
 * What the answer to a published message says: JetStream's acknowledgement, or that no stream listens.
 * Boundary: reads one message; answers of other programs count as none.
 */
import type { Msg } from "nats";

/**
 * `stored`: the stream has it. `no_stream`: no stream stores this subject. `too_large`: server or stream never take it.
 * `refused`: the server says why it is not stored, or another stream stored it. `lost`: no answer in time; it may be
 * stored or not.
 */
export type PublishOutcome = "stored" | "no_stream" | "too_large" | "refused" | "lost";

const NO_RESPONDERS = 503;
const MESSAGE_EXCEEDS_MAXIMUM = 10_054;

/** An answer, read. */
export interface StreamAnswer {
  readonly outcome: PublishOutcome;
  /** Where the stream has the message. */
  readonly seq?: number;
  /** Whether it was stored before. */
  readonly isRepeat?: boolean;
  readonly refusal?: string;
}

/** Reads the answer to a message that `stream` stores. */
export function answerOf(message: Msg, stream: string): StreamAnswer {
  if (message.headers?.code === NO_RESPONDERS) {
    return { outcome: "no_stream", refusal: `no stream takes ${message.subject}` };
  }
  try {
    const ack: unknown = JSON.parse(message.string());
    if (typeof ack !== "object" || ack === null) return { outcome: "lost" };
    if ("error" in ack) return refusedBy(ack.error);
    if (!("seq" in ack) || typeof ack.seq !== "number") return { outcome: "lost" };
    if ("stream" in ack && ack.stream !== stream) {
      return { outcome: "refused", refusal: `the stream ${ack.stream} takes the event` };
    }
    const isRepeat = "duplicate" in ack && ack.duplicate === true;
    return { outcome: "stored", seq: ack.seq, isRepeat };
  } catch {
    // No acknowledgement of JetStream: another program answers on this subject.
    return { outcome: "lost" };
  }
}

function refusedBy(error: unknown): StreamAnswer {
  if (isRefusedForSize(error)) return { outcome: "too_large" };
  const described = typeof error === "object" && error !== null && "description" in error;
  return { outcome: "refused", refusal: described ? String(error.description) : "no reason" };
}

/** The stream's own limit (max_msg_size) may be below the server's. */
function isRefusedForSize(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "err_code" in error &&
    error.err_code === MESSAGE_EXCEEDS_MAXIMUM
  );
}
