/**
 * The stream WORKFLOWS_DLQ: messages that were put aside, as they came, with the reason.
 *
 * Boundary: the copy on the bus; the record is the table `dead_letters`.
 */
import { headers, type JetStreamClient, type MsgHdrs, type NatsConnection } from "nats";
import type { DeadLetter } from "../../runtime/dead-letters.ts";
import { count } from "../../runtime/metrics.ts";
import { isMissing, isNoResponders, isTooLarge } from "./nats-errors.ts";

const STREAM = "WORKFLOWS_DLQ";
const SUBJECTS = "workflows.dlq.>";
const REASON = "Dead-Letter-Reason";
const PUBLISH_TIMEOUT_MS = 2_000;

/**
 * Publishes a message that was put aside: its bytes, its headers and `Dead-Letter-Reason`. Makes the
 * stream when it is missing. Bytes that leave no room for the headers stay in the table alone.
 * Rejects when the server has not stored it.
 */
export async function publishDeadLetter(
  connection: NatsConnection,
  letter: DeadLetter,
): Promise<void> {
  const client = connection.jetstream();
  try {
    await publish(client, letter, letter.data);
  } catch (error) {
    if (isTooLarge(error)) {
      count("workflows_dead_letters_without_body_total", { stream: letter.stream });
      await publish(client, letter, new Uint8Array());
      return;
    }
    if (!isNoResponders(error)) throw error;
    await requireStream(connection);
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

async function requireStream(connection: NatsConnection): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  try {
    await manager.streams.info(STREAM);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await manager.streams.add({ name: STREAM, subjects: [SUBJECTS] });
  }
}
