/**
 * A queue whose consumer holds messages that its stream has no longer, as a NATS server does that was killed between the two.
 * The state is made by hand: the consumer's file as it was before its acknowledgements.
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { AckPolicy, connect, DeliverPolicy, type JsMsg, type NatsConnection, nanos } from "nats";
import { afterAll, beforeAll, it } from "vitest";
import { startQueueWatch } from "../../../src/egress/tasks/queue-watch.ts";
import { requireTaskStream } from "../../../src/egress/tasks/task-stream.ts";
import { createLog } from "../../../src/process/log.ts";
import { WorkersSeen } from "../../../src/runtime/workers-seen.ts";
import { createWorker } from "../../../src/worker/index.ts";
import { until } from "../../support/assertions/until.ts";
import { type OwnNats, startOwnNats } from "../../support/servers/own-nats.ts";
import { STREAM_LIMITS } from "../../support/services/stream-limits.ts";

const STREAM = "WORKFLOWS_TASKS";
const ACK_WAIT_MS = 10_000;
const CONSUMER = "ws=mail";
let nats: OwnNats;
let connection: NatsConnection;

beforeAll(async () => {
  nats = await startOwnNats();
  connection = await connect({
    servers: nats.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
});
afterAll(async () => {
  await connection.close();
  await nats.stop();
});

async function publish(queue: string, step: string): Promise<void> {
  const place = { run_id: "wfr_1", step_id: step, attempt: 1, idempotency_key: `wfr_1/${step}` };
  const task = { id: `wfr_1/${step}/1`, ...place, action_type: "send", input: {} };
  const body = JSON.stringify({ tasks: [task] });
  await connection.jetstream().publish(`workflows.tasks.ws.${queue}`, body);
}

it("is delivered again", { timeout: 60_000 }, async () => {
  const deps = { connection, limits: STREAM_LIMITS, log };
  await requireTaskStream(deps);
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "WORKFLOWS_RESULTS", subjects: ["workflows.results.*.*"] });
  // The server forgets what is older than its first message.
  await publish("other", "first");
  await manager.consumers.add(STREAM, {
    ...{ durable_name: CONSUMER, filter_subject: "workflows.tasks.ws.mail", max_deliver: -1 },
    ...{ ack_policy: AckPolicy.Explicit, ack_wait: nanos(ACK_WAIT_MS), max_ack_pending: 10_000 },
    deliver_policy: DeliverPolicy.All,
  });
  for (const step of ["a", "b", "c"]) await publish("mail", step);
  await loseAcknowledgements();

  const begun = new Set<string>();
  const worker = createWorker({
    ...{ servers: nats.url, workspace: "ws", queue: "mail", log: silent },
    handlers: { send: (_, { stepId }) => void begun.add(stepId) },
  });
  const running = worker.run({ signals: [] });
  await worker.ready;
  let published = 0;
  // Until the server tries again what its stream has no longer, all is delivered; a newer server does not try it.
  const enough = performance.now() + ACK_WAIT_MS + 5_000;
  await until(async () => {
    const { num_pending, num_waiting } = await stateOf();
    if ((num_pending > 0 && num_waiting > 0) || performance.now() > enough) return true;
    published += 1;
    await publish("mail", `step-${published}`);
    return undefined;
  }, 30_000);
  const watch = startQueueWatch({ ...deps, workers: new WorkersSeen(), everyMs: 200 });
  await until(() => begun.size === published || undefined);
  await watch.stop();
  await worker.stop();
  await running;
});

const log = createLog({ level: "error", format: "json" });
const silent = { info() {}, warn() {}, error() {} };

/** What is asked while the client has not noticed the restart is never answered. */
async function restart(): Promise<void> {
  await nats.restart();
  await until(async () => {
    const manager = await connection.jetstreamManager({ checkAPI: false, timeout: 500 });
    return manager.streams.info(STREAM).catch(() => undefined);
  });
}

async function stateOf() {
  const consumer = await connection.jetstream().consumers.get(STREAM, CONSUMER);
  return consumer.info();
}

/** The messages are acknowledged, and the consumer does not know it. */
async function loseAcknowledgements(): Promise<void> {
  const file = join(nats.folder, "nats/jetstream/$G/streams", STREAM, "obs", CONSUMER, "o.dat");
  const consumer = await connection.jetstream().consumers.get(STREAM, CONSUMER);
  const messages: JsMsg[] = [];
  for await (const message of await consumer.fetch({ max_messages: 3 })) messages.push(message);
  await restart();
  await cp(file, `${file}.before`);
  for (const message of messages) message.ack();
  await until(async () => (await stateOf()).num_ack_pending === 0 || undefined);
  await nats.end();
  await cp(`${file}.before`, file);
  await restart();
}
