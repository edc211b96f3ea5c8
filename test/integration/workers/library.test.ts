/**
 * The library and the service together: what becomes of a step whose handler, queue or worker is odd.
 * Boundary: needs the server that TEST_DATABASE_URL names; the nats-server is its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { StepDefinition } from "../../../src/engine/values/definition.ts";
import {
  createWorker,
  type HandlerFunction,
  type Handlers,
  type Worker,
  type WorkerLog,
  type WorkerOptions,
} from "../../../src/worker/index.ts";
import { until } from "../../support/assertions/until.ts";
import { stepOf, versionOf } from "../../support/builders/version-spec.ts";
import { WORKSPACE } from "../../support/services/processor.ts";
import { type QueueService, startQueueService } from "../../support/workers/queue-service.ts";

const RETRIES = { maxRetries: 2, backoffSeconds: 0, backoffMultiplier: 1 };
const silent: WorkerLog = { info() {}, warn() {}, error() {} };
let service: QueueService;
let workers: Worker[] = [];

beforeAll(async () => {
  service = await startQueueService();
  await service.streamsMade();
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  workers = [];
});
afterAll(() => service.stop());

async function work(
  queue: string,
  handlers: Handlers,
  options: Partial<WorkerOptions> = {},
): Promise<Worker> {
  const worker = createWorker({
    ...{ servers: service.nats.url, workspace: WORKSPACE, queue, handlers, log: silent },
    ...options,
  });
  workers.push(worker);
  worker.run({ signals: [] }).catch(() => {});
  await worker.ready;
  return worker;
}

async function begin(
  queue: string,
  actionType: string,
  fields: Partial<StepDefinition> = {},
): Promise<string> {
  const step = stepOf("s", { agentId: "", config: { queue }, actionType, ...fields });
  return service.start(await service.define(versionOf([step])));
}

async function ended(runId: string): Promise<Record<string, unknown>> {
  return until(async () => {
    const step = await service.step(runId);
    return step.completed_at === null ? undefined : step;
  }, 30_000);
}

it.each(["eu.mails*", "a.b.>", "Grüße an alle", "=", "x".repeat(64)])(
  "a queue named %j has its own tasks",
  async (queue) => {
    await work(queue, { act: () => ({ queue }) });
    const runId = await begin(queue, "act");
    expect(await ended(runId)).toMatchObject({ state: "COMPLETED", output: { queue } });
  },
);

function cycle(): Record<string, unknown> {
  const output: Record<string, unknown> = {};
  output.self = output;
  return output;
}

const ODD: readonly (readonly [string, HandlerFunction, string, string, number])[] = [
  ["returns nothing", () => undefined, "COMPLETED", "", 0],
  ["returns a function", () => cycle, "FAILED", "an output is an object, not a function", 0],
  ["returns a cycle", cycle, "FAILED", "circular structure", 0],
  ["throws a text", () => Promise.reject("no luck"), "FAILED", "no luck", 2],
  ["throws nothing", () => Promise.reject(undefined), "FAILED", "undefined", 2],
  ["throws null", () => Promise.reject(null), "FAILED", "null", 2],
];
it.each(ODD)("a handler that %s", async (...of) => {
  const [name, act, state, message, retries] = of;
  const queue = name.replaceAll(" ", "-");
  await work(queue, { act });
  const step = await ended(await begin(queue, "act", { retryPolicy: RETRIES }));
  expect(step).toMatchObject({ state, retry_count: retries });
  expect(step.error_message ?? "").toContain(message);
});

it("a handler that never returns loses its place 5 s after the step's timeout", async () => {
  const begun: string[] = [];
  const lines: string[] = [];
  const handlers: Handlers = {
    stuck: (_, { runId }) => new Promise(() => void begun.push(runId)),
    act: (_, { runId }) => void begun.push(runId),
  };
  const log = { ...silent, error: (line: string) => void lines.push(line) };
  const worker = await work("stuck", handlers, { concurrency: 1, drainMs: 0, log });
  const stuck = await begin("stuck", "stuck", { timeoutSeconds: 1 });
  await until(() => (begun.length === 1 ? true : undefined));
  const next = await begin("stuck", "act");
  expect(await ended(stuck)).toMatchObject({
    state: "FAILED",
    error_message: "timed out after 1 s",
  });
  expect(begun).toEqual([stuck]);
  expect(await ended(next)).toMatchObject({ state: "COMPLETED", agent_id: worker.id });
  expect(begun).toEqual([stuck, next]);
  expect(lines).toContain("a handler did not stop, and goes on without its place");
}, 60_000);

it("two versions of a worker share a queue: each does what it can, and says which", async () => {
  const begun: string[] = [];
  let letGo = () => {};
  const bothBegan = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const act = (version: string) => async () => {
    begun.push(version);
    if (begun.length === 2) letGo();
    await bothBegan;
    return { version };
  };
  const of = { concurrency: 1 };
  await work("versions", { act: act("1") }, { id: "old", version: "1", ...of });
  const added = { act: act("2"), added: () => ({ version: "2" }) };
  const newer = await work("versions", added, { id: "new", version: "2", ...of });
  const runs = [await begin("versions", "act"), await begin("versions", "act")];
  const steps = await Promise.all(runs.map(ended));
  expect(steps.map(({ agent_id }) => agent_id).toSorted()).toEqual(["new", "old"]);
  for (const { agent_id, output } of steps) {
    expect(output).toEqual({ version: agent_id === "old" ? "1" : "2" });
  }
  // Both made the consumer, and there is one.
  const consumers = [];
  for await (const { config } of service.manager.consumers.list("WORKFLOWS_TASKS")) {
    if (config.filter_subject === `workflows.tasks.${WORKSPACE}.versions`) consumers.push(config);
  }
  expect(consumers).toHaveLength(1);
  await newer.stop();
  const missing = await ended(await begin("versions", "added", { retryPolicy: RETRIES }));
  expect(missing).toMatchObject({
    ...{ state: "FAILED", agent_id: "old", retry_count: 0 },
    error_message: "this worker has no handler for added; it has act",
  });
}, 60_000);

it("a handler that holds the event loop does its task in vain, for another worker has it", async () => {
  const queue = "blocked";
  const lines: { readonly message: string; readonly [fact: string]: unknown }[] = [];
  const child: ChildProcess = spawn(
    process.execPath,
    [
      "--import",
      "tsx",
      "test/support/workers/blocking-worker.ts",
      service.nats.url,
      WORKSPACE,
      queue,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  if (child.stdout === null) throw new Error("the worker has no output");
  createInterface(child.stdout).on("line", (line) => lines.push(JSON.parse(line)));
  const says = (message: string) =>
    until(() => lines.find((line) => line.message.startsWith(message)), 30_000);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  try {
    await says("the worker takes tasks");
    const runId = await begin(queue, "block");
    expect(await says("begun")).toMatchObject({ runId });
    await work(queue, { block: () => ({ by: "other" }) }, { id: "other" });
    expect(await ended(runId)).toMatchObject({ agent_id: "other", output: { by: "other" } });
    expect(await says("a handler held the event loop")).toMatchObject({ tasks: [`${runId}/s/1`] });
    // Its result comes all the same, and changes nothing.
    await until(async () => {
      const { state } = await service.manager.streams.info("WORKFLOWS_RESULTS", {
        subjects_filter: `workflows.results.${WORKSPACE}.${queue}`,
      });
      return state.subjects?.[`workflows.results.${WORKSPACE}.${queue}`] === 2 ? true : undefined;
    }, 30_000);
    await service.settled();
    expect(await service.step(runId)).toMatchObject({ agent_id: "other" });
    const moves = await service.rows("select 1 from run_moves where run_id = $1", [runId]);
    expect(moves).toHaveLength(2);
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}, 90_000);
