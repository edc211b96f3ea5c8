/**
 * The stream WORKFLOWS_DLQ: messages that were put aside, as they came, with the reason.
 *
 * Boundary: the copy on the bus; the record is the table `dead_letters`.
 */
import { headers, type JetStreamClient, type MsgHdrs, type NatsConnection } from "nats";
import type { Log } from "../../process/log.ts";
import { count } from "../../process/metrics.ts";
import type { DeadLetter } from "../../runtime/dead-letters.ts";
import { limitDifferences, limitSettings, type StreamLimits } from "../../runtime/stream-limits.ts";
import { isMissing, isNoResponders, isTooLarge } from "./nats-errors.ts";

const STREAM = "WORKFLOWS_DLQ";
const SUBJECTS = "workflows.dlq.>";
const REASON = "Dead-Letter-Reason";
const PUBLISH_TIMEOUT_MS = 2_000;

/** What the stream needs. */
export interface DeadLetterDeps {
  readonly connection: NatsConnection;
  /** Limits of the stream when it has to be made. */
  readonly limits: StreamLimits;
  readonly log: Log;
}

/** Connections over which the stream's limits were compared. */
const compared = new WeakSet<NatsConnection>();

/**
 * Publishes a message that was put aside: its bytes, its headers and `Dead-Letter-Reason`. Makes the
 * stream when it is missing. Bytes that leave no room for the headers stay in the table alone.
 * Rejects when the server has not stored it.
 */
export async function publishDeadLetter(deps: DeadLetterDeps, letter: DeadLetter): Promise<void> {
  const { connection } = deps;
  const client = connection.jetstream();
  try {
    if (!compared.has(connection)) await requireStream(deps);
    await publish(client, letter, letter.data);
  } catch (error) {
    if (isTooLarge(error)) {
      count("workflows_dead_letters_without_body_total", { stream: letter.stream });
      await publish(client, letter, new Uint8Array());
      return;
    }
    if (!isNoResponders(error)) throw error;
    await requireStream(deps);
    await publish(client, letter, letter.data);
  }
}

async function publish(
  client: JetStreamClient,
  letter: DeadLetter,
  data: Uint8Array,
): Promise<void> {
  await client.publish(`workflows.dlq.${letter.stream.toLowerCase()}`, data, {
    headers: headersOf(letter),
    timeout: PUBLISH_TIMEOUT_MS,
  });
}

// `Nats-Expected-…`, `Nats-Rollup` and the like are orders to the server about another stream.
function headersOf(letter: DeadLetter): MsgHdrs {
  const fields = headers();
  for (const [name, values] of Object.entries(letter.headers)) {
    if (/^nats-/i.test(name)) continue;
    for (const value of values) fields.append(name, value);
  }
  fields.set(REASON, letter.reason);
  fields.set("Nats-Msg-Id", `${letter.stream}-${letter.streamSeq}-${letter.reason}`);
  return fields;
}

async function requireStream({ connection, limits, log }: DeadLetterDeps): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    const { config } = await manager.streams.info(STREAM);
    const differences = limitDifferences(config, limits);
    if (differences !== undefined && !compared.has(connection)) {
      log.info("the stream of dead letters has other limits than are set; it stays as it is", {
        stream: STREAM,
        ...differences,
      });
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
    await manager.streams.add({ name: STREAM, subjects: [SUBJECTS], ...limitSettings(limits) });
  }
  compared.add(connection);
}
