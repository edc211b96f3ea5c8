/**
 * The worker protocol, by a worker in plain Node over a raw socket.
 * Boundary: needs the server that TEST_DATABASE_URL names; the nats-server is its own.
 */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
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

const QUEUE = "billing";
const schema = JSON.parse(readFileSync("docs/worker-protocol.schema.json", "utf8"));
const isTasks = new Ajv2020({ strict: false }).addSchema(schema, "p").getSchema("p#/$defs/tasks");
let service: QueueService;
let worker: RawWorker;

beforeAll(async () => {
  service = await startQueueService();
  await service.streamsMade();
  worker = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue: QUEUE });
  await worker.prepare();
});
afterAll(async () => {
  worker.kill();
  await service.stop();
});

function taskStep(id: string, config = {}, fields = {}) {
  return stepOf(id, { agentId: "", config: { queue: QUEUE, ...config }, ...fields });
}

async function pullOne(from = worker): Promise<RawMessage> {
  const [message] = await until(async () => {
    const messages = await from.pull(1);
    return messages.length === 0 ? undefined : messages;
  });
  if (message === undefined) throw new Error("no message");
  return message;
}

/** Runs one step up to its task. */
async function oneTask(step = taskStep("charge")) {
  const version = await service.define(versionOf([step]));
  const runId = await service.start(version, { input: { amount: 40 } });
  const message = await pullOne();
  const [task] = message.tasks;
  if (task === undefined) throw new Error("an empty message");
  expect(task.run_id).toBe(runId);
  return { runId, message, task };
}

async function stateOf(runId: string, state: string) {
  return until(async () => {
    const step = await service.step(runId);
    return step.state === state ? step : undefined;
  });
}

it("a worker's result ends the step", async () => {
  const config = { currency: "EUR", title: "Charge {{ amount }}", instructions: "once" };
  const { runId, message, task } = await oneTask(
    taskStep("charge", config, { actionType: "charge-card", timeoutSeconds: 600 }),
  );
  expect(isTasks?.({ tasks: message.tasks })).toBe(true);
  expect(task).toMatchObject({
    id: `${runId}/charge/1`,
    idempotency_key: `${runId}/charge`,
    action_type: "charge-card",
    title: "Charge 40",
    instructions: "once",
    parameters: { currency: "EUR" },
    input: { amount: 40 },
  });
  const output = { receipt: "r-17" };
  await worker.report({
    worker: "w-1",
    results: [{ id: task.id, status: "completed", output, cost_usd: 0.25 }],
  });
  worker.ack(message);
  const step = await stateOf(runId, "COMPLETED");
  expect(step).toMatchObject({ agent_id: "w-1", output, cost_usd: 0.25 });
  const [run] = await service.rows("select * from workflow_runs where id = $1", [runId]);
  expect(run).toMatchObject({ state: "COMPLETED", total_cost_usd: 0.25 });
});

it("a result that comes twice counts once", async () => {
  const { runId, message, task } = await oneTask();
  const result = {
    worker: "w-1",
    results: [{ id: task.id, status: "completed", output: { n: 1 }, cost_usd: 0.5 }],
  };
  await worker.report(result);
  await stateOf(runId, "COMPLETED");
  await worker.report(result);
  await worker.report({ ...result, worker: "w-2" });
  worker.ack(message);
  await service.settled();
  expect(await service.step(runId)).toMatchObject({ agent_id: "w-1", cost_usd: 0.5 });
  const rows = await service.rows("select 1 from run_moves where run_id = $1", [runId]);
  expect(rows).toHaveLength(2);
});

it("a failure is retried after its pause, under the same idempotency key", async () => {
  const retryPolicy = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
  const { runId, message, task } = await oneTask(taskStep("charge", {}, { retryPolicy }));
  const error = { message: "busy", type: "Away", retry_after_ms: 300 };
  const failedAtMs = performance.now();
  await worker.report({ worker: "w", results: [{ id: task.id, status: "failed", error }] });
  worker.ack(message);
  const again = await pullOne();
  expect(performance.now() - failedAtMs).toBeGreaterThan(290);
  const [second] = again.tasks;
  expect(second).toMatchObject({ attempt: 2, idempotency_key: task.idempotency_key });
  // A result of the first attempt is late.
  await worker.report({ worker: "w", results: [{ id: task.id, status: "completed" }] });
  const last = { message: "no such card", retryable: false };
  await worker.report({
    worker: "w",
    results: [{ id: second?.id, status: "failed", error: last }],
  });
  worker.ack(again);
  const step = await stateOf(runId, "FAILED");
  expect(step).toMatchObject({ error_message: "no such card", retry_count: 1 });
});

it("a returned task comes again in a message of its own, under the same id", async () => {
  const version = await service.define(versionOf(["a", "b", "c"].map((id) => taskStep(id))));
  const runId = await service.start(version);
  const message = await pullOne();
  expect(message.tasks).toHaveLength(3);
  const [first, ...others] = message.tasks.map(({ id }) => id);
  await worker.report({
    worker: "w",
    results: [{ id: first, status: "completed" }],
    returned: others,
  });
  worker.ack(message);
  const again = [await pullOne(), await pullOne()];
  expect(again.map(({ tasks }) => tasks.length)).toEqual([1, 1]);
  const ids = again.flatMap(({ tasks }) => tasks.map(({ id }) => id));
  expect(ids.toSorted()).toEqual(others.toSorted());
  await worker.report({ worker: "w", results: ids.map((id) => ({ id, status: "completed" })) });
  for (const each of again) worker.ack(each);
  await until(async () => {
    const [run] = await service.rows("select state from workflow_runs where id = $1", [runId]);
    return run?.state === "COMPLETED" ? true : undefined;
  });
});

it("a cancelled task is told, and is not open any more", async () => {
  const { runId, message, task } = await oneTask();
  expect(await worker.open([task.id, `${runId}/charge/2`, "wfr_none/charge/1"])).toEqual([task.id]);
  const cause = { kind: "rpc", id: "CancelRun" } as const;
  await service.processor.submit({
    kind: "input",
    runId,
    workspaceId: "",
    input: { kind: "cancel_requested", reason: "enough", cause },
  });
  await until(() => (worker.cancelled.includes(task.id) ? true : undefined));
  expect(await worker.open([task.id])).toEqual([]);
  await worker.report({ worker: "w", results: [{ id: task.id, status: "completed" }] });
  worker.ack(message);
  await service.settled();
  expect(await service.step(runId)).toMatchObject({ state: "CANCELLED", output: null });
});

it("a task that times out is cancelled", async () => {
  const { runId, message, task } = await oneTask(taskStep("charge", {}, { timeoutSeconds: 1 }));
  await until(() => (worker.cancelled.includes(task.id) ? true : undefined));
  expect(await stateOf(runId, "FAILED")).toMatchObject({ error_message: "timed out after 1 s" });
  worker.ack(message);
});

it("the message of a worker that died goes to another one", async () => {
  const version = await service.define(versionOf([taskStep("charge")]));
  const first = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue: QUEUE });
  const runId = await service.start(version);
  const taken = await pullOne(first);
  first.kill();
  const diedAtMs = performance.now();
  const again = await pullOne();
  expect(performance.now() - diedAtMs).toBeLessThan(11_000);
  expect(again.tasks).toEqual(taken.tasks);
  const [task] = again.tasks;
  await worker.report({ worker: "w-2", results: [{ id: task?.id, status: "completed" }] });
  worker.ack(again);
  expect(await stateOf(runId, "COMPLETED")).toMatchObject({ agent_id: "w-2" });
}, 30_000);

it("what cannot be read is put aside, and the rest of its message counts", async () => {
  const { runId, message, task } = await oneTask();
  await worker.reportText("no JSON");
  await worker.reportText('{"results": []}');
  await worker.reportText(JSON.stringify({ worker: "w", returned: [], more: "x".repeat(600_000) }));
  await worker.report({
    worker: "w",
    results: [
      { id: "nonsense", status: "completed" },
      { id: task.id, status: "completed" },
    ],
  });
  worker.ack(message);
  await stateOf(runId, "COMPLETED");
  const letters = await until(async () => {
    const rows = await service.rows("select reason, problem from dead_letters order by problem");
    return rows.length === 4 ? rows : undefined;
  });
  expect(new Set(letters.map(({ reason }) => reason))).toEqual(new Set(["bad_result"]));
});

it.each([
  [
    "an output over 64 KiB",
    { status: "completed", output: { text: "x".repeat(65_536) } },
    "limit of 65536",
  ],
  ["a list as output", { status: "completed", output: [1] }, "output is no object"],
  ["an unknown status", { status: "done" }, "status is not completed or failed"],
  ["a failure without an error", { status: "failed" }, "error is no object"],
  ["a cost below 0", { status: "completed", cost_usd: -1 }, "cost_usd"],
])("%s fails the step, and says why", async (_, result, why) => {
  const retryPolicy = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
  const { runId, message, task } = await oneTask(taskStep("charge", {}, { retryPolicy }));
  await worker.report({ worker: "w", results: [{ id: task.id, ...result }] });
  worker.ack(message);
  const { error_message } = await stateOf(runId, "FAILED");
  expect(error_message).toContain(why);
});

it("a worker of another workspace gets no task, and its result changes nothing", async () => {
  const { runId, message, task } = await oneTask();
  const other = await connectRawWorker(service.nats.url, { workspace: "other", queue: QUEUE });
  await other.prepare();
  expect(await other.pull(1)).toEqual([]);
  await other.report({ worker: "thief", results: [{ id: task.id, status: "completed" }] });
  expect(await other.open([task.id])).toEqual([]);
  await service.settled();
  expect(await service.step(runId)).toMatchObject({ state: "RUNNING", agent_id: null });
  await worker.report({ worker: "w", results: [{ id: task.id, status: "completed" }] });
  worker.ack(message);
  other.kill();
  expect(await stateOf(runId, "COMPLETED")).toMatchObject({ agent_id: "w" });
});

it("a result on the subject of another queue changes nothing", async () => {
  const { runId, message, task } = await oneTask();
  const other = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue: "mails" });
  const stream = () => service.manager.streams.info("WORKFLOWS_TASKS");
  const last = (await stream()).state.last_seq;
  await other.report({
    worker: "thief",
    results: [{ id: task.id, status: "completed" }],
    returned: [task.id],
  });
  await service.settled();
  expect(await other.open([task.id])).toEqual([]);
  expect(await worker.open([task.id])).toEqual([task.id]);
  expect(await service.step(runId)).toMatchObject({ state: "RUNNING", agent_id: null });
  expect((await stream()).state.last_seq).toBe(last);
  await worker.report({ worker: "w", results: [{ id: task.id, status: "completed" }] });
  worker.ack(message);
  other.kill();
  expect(await stateOf(runId, "COMPLETED")).toMatchObject({ agent_id: "w" });
});

it("a failure that comes twice is one row of the history, and begins one attempt", async () => {
  const retryPolicy = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
  const { runId, message, task } = await oneTask(taskStep("charge", {}, { retryPolicy }));
  const failed = { id: task.id, status: "failed", error: { message: "busy" }, cost_usd: 0.5 };
  await worker.report({ worker: "w", results: [failed] });
  worker.ack(message);
  const again = await pullOne();
  await worker.report({ worker: "w", results: [failed] });
  await service.settled();
  expect(await service.step(runId)).toMatchObject({ retry_count: 1, cost_usd: 0.5 });
  const last = { id: again.tasks[0]?.id, status: "failed", error: { message: "no" } };
  await worker.report({
    worker: "w",
    results: [{ ...last, error: { message: "no", retryable: false } }],
  });
  worker.ack(again);
  await stateOf(runId, "FAILED");
  await worker.report({ worker: "w", results: [failed, last] });
  await service.settled();
  // The start, the end of the first attempt with the begin of the second, and the last end.
  const rows = await service.rows("select 1 from run_moves where run_id = $1", [runId]);
  expect(rows).toHaveLength(3);
});

it("a queue with dots and stars has a token of its own", async () => {
  const step = stepOf("s", { agentId: "", config: { queue: "eu.mails*" } });
  const token = "=ZXUubWFpbHMq";
  const mailer = await connectRawWorker(service.nats.url, { workspace: WORKSPACE, queue: token });
  await mailer.prepare();
  const runId = await service.start(await service.define(versionOf([step])));
  const message = await pullOne(mailer);
  const [task] = message.tasks;
  await mailer.report({ worker: "m", results: [{ id: task?.id, status: "completed" }] });
  mailer.ack(message);
  mailer.kill();
  expect(await stateOf(runId, "COMPLETED")).toMatchObject({ agent_id: "m" });
});
