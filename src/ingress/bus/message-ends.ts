/**
 * The ends of a message: acknowledged, put aside, or counted as a failure and left to come again.
 * Boundary: what becomes of which message is decided by who handles it (handle-batch.ts, handle-results.ts).
 */
import type { JsMsg, NatsConnection } from "nats";
import { reached } from "../../process/crash-points.ts";
import { atEndOfTurn } from "../../process/end-of-turn.ts";
import type { Log } from "../../process/log.ts";
import { countFailures, type DeadLetter, putAside } from "../../runtime/dead-letters.ts";
import type { StreamLimits } from "../../runtime/stream-limits.ts";
import type { Database } from "../../store/database.ts";
import { workspaceOfMessage } from "../../wire/bus/tenant.ts";
import { publishDeadLetter } from "./dead-letter-stream.ts";
import { FAILURES_AT_MOST } from "./deliveries.ts";
import { firstValuesOf } from "./first-values.ts";
import { headersOf, type QueueEvents } from "./queue-headers.ts";

/** What ending messages needs. */
export interface EndDeps {
  readonly database: Database;
  readonly connection: NatsConnection;
  readonly stream: string;
  /** Its messages are no events; unset: they are. */
  readonly queue?: QueueEvents;
  /** Limits of the stream of dead letters when it has to be made. */
  readonly limits: StreamLimits;
  readonly log: Log;
}

/** A message that cannot be read, and why. */
export interface Reject {
  readonly message: JsMsg;
  readonly reason: string;
  readonly problem: string;
}

/** A message whose handling failed. */
export interface Failure {
  readonly message: JsMsg;
  readonly problem: string;
}

/** Counts the failures; a message that failed often enough is put aside, the others stay in hand and come again. */
export async function judgeFailures(
  deps: EndDeps,
  failures: readonly Failure[],
  end: (message: JsMsg) => void,
): Promise<void> {
  if (failures.length === 0) return;
  const { database, stream } = deps;
  const seqs = failures.map(({ message }) => message.seq);
  const counts = await countFailures(database, stream, seqs);
  const last = failures.filter(({ message }) => (counts.get(message.seq) ?? 0) >= FAILURES_AT_MOST);
  await rejectAll(
    deps,
    last.map((failure) => ({ ...failure, reason: "handling_failed" })),
    end,
  );
}

/** Puts messages aside; those that cannot be put aside yet stay in hand. */
export async function rejectAll(
  deps: EndDeps,
  rejects: readonly Reject[],
  end: (message: JsMsg) => void,
): Promise<void> {
  if (rejects.length === 0) return;
  const letters = rejects.map((reject) => letterOf(deps, reject));
  try {
    await putAside(deps, letters);
    await reached("deadletter.committed", deps.stream);
    await Promise.all(letters.map((letter) => publishDeadLetter(deps, letter)));
    await reached("deadletter.published", deps.stream);
  } catch (error) {
    // They stay in hand and come again; those beside them go on.
    deps.log.warn("messages could not be put aside yet", { stream: deps.stream, error });
    return;
  }
  for (const { message } of rejects) {
    // A reason handed to term() is not understood by nats-server before 2.10, and the message comes again.
    message.term();
    end(message);
  }
}

/** Acknowledges a message, in one write with what its commit gave to the bus. */
export function finish(message: JsMsg, end: (message: JsMsg) => void): void {
  end(message);
  atEndOfTurn(() => {
    try {
      message.ack();
    } catch {
      // The connection was closed: the message comes again, and changes nothing.
    }
  });
}

function letterOf({ stream, queue }: EndDeps, { message, reason, problem }: Reject): DeadLetter {
  const { subject, data } = message;
  const headers = headersOf(message, queue);
  return {
    workspaceId: workspaceOfMessage({ subject, data, headers: firstValuesOf(headers) }),
    stream,
    subject,
    streamSeq: message.seq,
    reason,
    problem,
    headers: Object.fromEntries(headers),
    data,
  };
}
