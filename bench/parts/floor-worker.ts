/**
 * The worker of the worker floor: a message of results for each message of tasks, which is acknowledged when the results are
 * stored.
 * Boundary: no library, no heartbeats, no recovery. Argument: the address of NATS.
 */
import { connect, type JsMsg } from "nats";
import { FLOOR_RESULTS, FLOOR_TASKS, NOTE } from "../engines/words.ts";
import { serveCommands } from "./commands.ts";

const MESSAGES_HELD = 500;
const ACKS = "_INBOX.results";

const [servers = ""] = process.argv.slice(2);
const bus = await connect({ servers });
const held = new Map<string, JsMsg>();
bus.subscribe(`${ACKS}.*`, {
  callback(_, { subject }) {
    held.get(subject)?.ack();
    held.delete(subject);
  },
});
const consumer = await bus.jetstream().consumers.get(FLOOR_TASKS, FLOOR_TASKS);
const messages = await consumer.consume({ max_messages: MESSAGES_HELD });
serveCommands({ ready: () => true });

let sent = 0;
for await (const message of messages) {
  const { tasks } = message.json<{ tasks: { id: string; run_id: string }[] }>();
  const results = tasks.map(({ id, run_id: runId }) => ({
    ...{ id, run_id: runId, status: "completed" },
    output: { id: runId, ok: true, note: NOTE },
  }));
  sent += 1;
  const reply = `${ACKS}.${sent}`;
  held.set(reply, message);
  bus.publish(FLOOR_RESULTS, JSON.stringify({ worker: "floor", results }), { reply });
}
