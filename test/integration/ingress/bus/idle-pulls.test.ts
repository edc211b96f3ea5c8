/**
 * What an idle source asks NATS for: longer and longer pulls, which a stop does not wait for.
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { connectBus } from "../../../../src/ingress/bus/connection.ts";
import {
  type ConsumerDeps,
  emptyMemory,
  openConsumer,
} from "../../../../src/ingress/bus/durable-consumer.ts";
import { type PullLoop, startPullLoop } from "../../../../src/ingress/bus/pull-loop.ts";
import { readClock } from "../../../../src/store/service-reads/clock.ts";
import { until } from "../../../support/assertions/until.ts";
import { startOwnNats } from "../../../support/servers/own-nats.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

const SECOND_NS = 1_000_000_000;

let service: BusService;
let loop: PullLoop | undefined;

beforeEach(async () => {
  service = await startBusService();
});
afterEach(async () => {
  await loop?.stop();
  await service.stop();
});

async function depsOf(stream: string, connection = service.connection): Promise<ConsumerDeps> {
  const { database, log, token } = service;
  const plan = { stream, subject: `crm.${token}.>`, durable: `crm-${token}` };
  const memory = emptyMemory(await readClock(database.read));
  return { connection, database, log, limits: STREAM_LIMITS, plan, memory };
}

/** A loop that acknowledges what comes; `pulls` has how long each of its pulls may take, in seconds. */
async function startLoop(connection = service.connection) {
  const deps = await depsOf(service.stream, connection);
  const { stream, durable } = deps.plan;
  const pulls: number[] = [];
  connection.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, {
    callback: (_, message) => {
      pulls.push(message.json<{ expires: number }>().expires / SECOND_NS);
    },
  });
  await connection.flush();
  const handled: number[] = [];
  const pulling = startPullLoop({
    ...deps,
    async handle(batch) {
      for (const message of batch) {
        await message.ackAck();
        handled.push(message.seq);
      }
    },
  });
  loop = pulling;
  return { deps, pulls, handled, stop: () => pulling.stop() };
}

it("a source is pulled for longer while nothing comes, and for a second after a message", async () => {
  const { pulls, handled } = await startLoop();
  await until(() => pulls.length === 2 || undefined);
  const seq = await service.publish("crm", "{}");
  await until(() => handled.includes(seq) || undefined);
  await until(() => pulls.length === 4 || undefined);
  expect(pulls).toEqual([1, 2, 1, 2]);
});

it("a long pull ends with the first message", async () => {
  const { pulls } = await startLoop();
  await until(() => pulls.at(-1) === 4 || undefined);
  const before = pulls.length;
  const beganAtMs = performance.now();
  await service.publish("crm", "{}");
  await until(() => pulls.length > before || undefined);
  expect(pulls[before]).toBe(1);
  // Half of what the pull would have taken.
  expect(performance.now() - beganAtMs).toBeLessThan(2_000);
});

it("a stop ends a long pull, and leaves what comes next to others", async () => {
  const { deps, pulls, stop } = await startLoop();
  await until(() => pulls.at(-1) === 4 || undefined);
  const beganAtMs = performance.now();
  await stop();
  // Half of what the pull would have taken.
  expect(performance.now() - beganAtMs).toBeLessThan(2_000);
  const seq = await service.publish("crm", "{}");
  const consumer = await openConsumer(deps);
  const next = await consumer?.next({ expires: 2_000 });
  expect(next?.seq).toBe(seq);
});

it("a short pull follows when NATS is connected again", async () => {
  const { pulls } = await startLoop();
  await until(() => pulls.at(-1) === 4 || undefined);
  const before = pulls.length;
  await service.connection.reconnect();
  await until(() => pulls.length > before || undefined);
  expect(pulls[before]).toBe(2);
});

it("a stop does not wait for a server that does not answer", async () => {
  const nats = await startOwnNats();
  const connection = await connectBus({ servers: [nats.url] }, service.log);
  try {
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: service.stream, subjects: [`crm.${service.token}.>`] });
    const { pulls, stop } = await startLoop(connection);
    await until(() => pulls.at(-1) === 4 || undefined);
    process.kill(nats.pid, "SIGSTOP");
    const beganAtMs = performance.now();
    await stop();
    expect(performance.now() - beganAtMs).toBeLessThan(2_000);
  } finally {
    process.kill(nats.pid, "SIGCONT");
    await connection.close();
    await nats.stop();
  }
});

it("a stream that is missing is looked for less and less often", async () => {
  const stream = `${service.stream}_MISSING`;
  const deps = await depsOf(stream);
  const looksAtMs: number[] = [];
  service.connection.subscribe(`$JS.API.STREAM.INFO.${stream}`, {
    callback: () => void looksAtMs.push(performance.now()),
  });
  await service.connection.flush();
  loop = startPullLoop({ ...deps, handle: async () => {} });
  await until(() => looksAtMs.length === 4 || undefined);
  const pausesMs = looksAtMs.slice(1).map((at, n) => at - (looksAtMs[n] ?? 0));
  for (const [n, leastMs] of [450, 950, 1_950].entries()) {
    expect(pausesMs[n]).toBeGreaterThan(leastMs);
  }
});
