/**
 * Tasks that the stream does not take, for it is full or they are too large, and how many share a message.
 * Boundary: needs the server that TEST_DATABASE_URL names; the nats-server is its own.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { WORKSPACE } from "../../support/services/processor.ts";
import { type QueueService, startQueueService } from "../../support/workers/queue-service.ts";
import {
  connectRawWorker,
  type RawMessage,
  type RawWorker,
} from "../../support/workers/raw-worker.ts";

const LARGE = { text: "x".repeat(10_000) };
let service: QueueService;

beforeAll(async () => {
  // No check finds lost tasks within a test.
  service = await startQueueService(600_000);
  await service.streamsMade();
});
afterAll(() => service.stop());

function versionOfQueue(queue: string, ids = ["s"]) {
  return service.define(versionOf(ids.map((id) => stepOf(id, { agentId: "", config: { queue } }))));
}

async function cancel(runId: string): Promise<void> {
  const cause = { kind: "rpc", id: "CancelRun" } as const;
  const input = { kind: "cancel_requested", reason: "", cause } as const;
  await service.processor.submit({ kind: "input", runId, workspaceId: WORKSPACE, input });
}

async function workerOf(queue: string): Promise<RawWorker> {
  const worker = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue });
  await worker.prepare();
  return worker;
}

/** Pulls until so many tasks came. */
async function pullAll(worker: RawWorker, count: number): Promise<RawMessage[]> {
  const messages: RawMessage[] = [];
  await until(async () => {
    const found = await worker.pull(50);
    for (const message of found) worker.ack(message);
    messages.push(...found);
    const tasks = messages.reduce((sum, message) => sum + message.tasks.length, 0);
    return tasks >= count ? true : undefined;
  }, 30_000);
  return messages;
}

const saysTrouble = (why: string) =>
  until(() => service.logged.find((line) => line.includes('"tasks"') && line.includes(why)));

it.each([
  ["messages", { max_msgs: 2 }, "maximum messages exceeded"],
  ["bytes", { max_bytes: 25_000 }, "maximum bytes exceeded"],
])(
  "a stream that is full of %s gets the others, each once, when it has room",
  async (...of) => {
    const [queue, limit, why] = of;
    service.logged.length = 0;
    const { config } = await service.manager.streams.info("WORKFLOWS_TASKS");
    await service.manager.streams.update("WORKFLOWS_TASKS", { ...config, ...limit });
    const version = await versionOfQueue(queue);
    const runs: string[] = [];
    for (let n = 0; n < 6; n += 1) runs.push(await service.start(version, { input: LARGE }));
    await saysTrouble(why);
    const { state } = await service.manager.streams.info("WORKFLOWS_TASKS");
    expect(state.messages).toBe(2);
    const worker = await workerOf(queue);
    const messages = await pullAll(worker, runs.length);
    const ids = messages.flatMap(({ tasks }) => tasks.map(({ id }) => id));
    expect(ids.toSorted()).toEqual(runs.map((run) => `${run}/s/1`).toSorted());
    await until(() => service.logged.find((line) => line.includes("works again")));
    await service.manager.streams.update("WORKFLOWS_TASKS", config);
    worker.kill();
  },
  60_000,
);

it("a task that another replica ended while it waited is not sent", async () => {
  service.logged.length = 0;
  const { config } = await service.manager.streams.info("WORKFLOWS_TASKS");
  await service.manager.streams.update("WORKFLOWS_TASKS", { ...config, max_msgs: 1 });
  const version = await versionOfQueue("ended");
  const runs: string[] = [];
  for (let n = 0; n < 4; n += 1) runs.push(await service.start(version));
  await saysTrouble("maximum messages exceeded");
  // What this commit changes is told to the queues of the replica that made it.
  service.dropTasks(true);
  await cancel(runs[1] ?? "");
  service.dropTasks(false);
  const worker = await workerOf("ended");
  const messages = await pullAll(worker, 3);
  await until(() => service.logged.find((line) => line.includes("works again")));
  messages.push(...(await worker.pull(50)));
  await service.manager.streams.update("WORKFLOWS_TASKS", config);
  const ids = messages.flatMap(({ tasks }) => tasks.map(({ id }) => id));
  expect(ids.toSorted()).toEqual([runs[0], runs[2], runs[3]].map((run) => `${run}/s/1`).toSorted());
  worker.kill();
}, 60_000);

it("a message has no more tasks than the worker with the fewest places does at once", async () => {
  const version = await versionOfQueue("places", ["a", "b", "c", "d", "e", "f", "g"]);
  const worker = await workerOf("places");
  const beat = { since: new Date().toISOString(), running: 0 };
  worker.heartbeat({ worker: "small", concurrency: 3, ...beat });
  worker.heartbeat({ worker: "large", concurrency: 5, ...beat });
  // What the service heard before it answers, it knows.
  await worker.open(["wfr_none/s/1"]);
  await service.start(version);
  const messages = await pullAll(worker, 7);
  expect(messages.map(({ tasks }) => tasks.length)).toEqual([3, 3, 1]);
  worker.kill();
});

it("a message has eight tasks at most while no worker is known", async () => {
  const ids = Array.from({ length: 10 }, (_, n) => `s${n}`);
  const version = await versionOfQueue("unknown", ids);
  await service.start(version);
  const worker = await workerOf("unknown");
  const messages = await pullAll(worker, 10);
  expect(messages.map(({ tasks }) => tasks.length)).toEqual([8, 2]);
  worker.kill();
});

it("a task that is too large for the server keeps no other one from its worker", async () => {
  await service.nats.restart("max_payload: 65536");
  await until(() => (service.connection.info?.max_payload === 65_536 ? true : undefined), 40_000);
  const version = await versionOfQueue("large");
  await service.start(version, { input: { text: "x".repeat(100_000) } });
  const trouble = await saysTrouble("the server takes no message as large as task");
  expect(trouble).toContain("max_payload");
  const run = await service.start(version, { input: LARGE });
  const worker = await until(() => workerOf("large").catch(() => undefined), 40_000);
  const messages = await pullAll(worker, 1);
  expect(messages.flatMap(({ tasks }) => tasks.map(({ id }) => id))).toEqual([`${run}/s/1`]);
  worker.kill();
}, 120_000);
