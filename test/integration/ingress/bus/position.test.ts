/**
 * Where a fresh replica begins with a consumer that is missing.
 *
 * Boundary: needs the servers that TEST_DATABASE_URL and TEST_NATS_URL name.
 */
import { randomUUID } from "node:crypto";
import { type Consumer, DeliverPolicy, type JsMsg } from "nats";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ConsumerDeps,
  emptyMemory,
  noteFloor,
  openConsumer,
} from "../../../../src/ingress/bus/durable-consumer.ts";
import { handleBatch } from "../../../../src/ingress/bus/handle-batch.ts";
import { startPullLoop } from "../../../../src/ingress/bus/pull-loop.ts";
import { createLog } from "../../../../src/process/log.ts";
import type { Database } from "../../../../src/store/database.ts";
import { DatabaseAway } from "../../../../src/store/pg-errors.ts";
import { readClock } from "../../../../src/store/service-reads/clock.ts";
import { recordStatements } from "../../../support/assertions/explain.ts";
import { stepOf, triggerOf, versionOf } from "../../../support/builders/version-spec.ts";
import { type BusService, startBusService } from "../../../support/services/bus-service.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

const WAIT_AT_MOST = { timeout: 20_000, interval: 20 };
const PULLS = 4;
const HOUR_MS = 3_600_000;
let service: BusService;

beforeEach(async () => {
  service = await startBusService();
  await vi.waitFor(() => expect(service.consumers.busState()).toBe("ok"), WAIT_AT_MOST);
});
afterEach(async () => {
  await service.stop();
});

/** What a replica that starts now has. */
async function freshReplica(database: Database = service.database): Promise<ConsumerDeps> {
  const { connection, stream, log, token } = service;
  return {
    connection,
    database,
    log,
    limits: STREAM_LIMITS,
    plan: { stream, subject: `crm.${token}.>`, durable: `crm-${token}` },
    memory: emptyMemory(await readClock(service.database.read)),
  };
}

/** A log of errors alone. */
function errorLog() {
  const errors: string[] = [];
  const write = (line: string) => void errors.push(line);
  return { errors, log: createLog({ level: "error", format: "json", write }) };
}

async function open(deps: ConsumerDeps): Promise<Consumer> {
  const consumer = await openConsumer(deps);
  if (consumer === undefined) throw new Error("the stream is missing");
  return consumer;
}

/** Handles all that is there, and notes it. */
async function handleAll(deps: ConsumerDeps, consumer: Consumer): Promise<number[]> {
  const seqs: number[] = [];
  for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 })) {
    await message.ackAck();
    seqs.push(message.seq);
  }
  await noteFloor(deps, consumer);
  return seqs;
}

async function loseConsumer({ plan }: ConsumerDeps): Promise<void> {
  await service.manager.consumers.delete(plan.stream, plan.durable);
}

async function makeStreamAnew(): Promise<void> {
  const { config } = await service.manager.streams.info(service.stream);
  await service.manager.streams.delete(service.stream);
  await service.manager.streams.add(config);
}

describe("a consumer that was lost while no replica ran", () => {
  it("misses no event, and each starts one run", async () => {
    const pause = stepOf("pause", {
      stepType: "HUMAN_TASK",
      agentId: "",
      config: { instructions: "x" },
    });
    const trigger = triggerOf({ triggerType: "EVENT", eventType: "crm.lost", filterExpr: "" });
    const definition = await service.define("ws", versionOf([pause], [], { trigger }));
    const runs = () =>
      service.rows("select * from workflow_runs where definition_id = $1", [definition.id]);
    const publish = () =>
      service.publish("crm", {
        specversion: "1.0",
        id: randomUUID(),
        source: "crm",
        type: "crm.lost",
        tenantid: "ws",
        data: {},
      });
    for (let n = 0; n < 3; n++) await publish();
    await vi.waitFor(async () => expect(await runs()).toHaveLength(3), WAIT_AT_MOST);
    await service.settle("crm");
    await service.consumers.stop();
    for await (const { name } of service.manager.consumers.list(service.stream)) {
      await service.manager.consumers.delete(service.stream, name);
    }
    for (let n = 0; n < 3; n++) await publish();
    await service.restartConsumers();
    await vi.waitFor(async () => expect(await runs()).toHaveLength(6), WAIT_AT_MOST);
    await service.settle("crm");
    expect(await runs()).toHaveLength(6);
  });

  it("begins after the floor that any replica noted", async () => {
    const before = await freshReplica();
    const consumer = await open(before);
    for (let n = 0; n < 3; n++) await service.publish("crm", "{}");
    const handled = await handleAll(before, consumer);
    expect(handled).toHaveLength(3);
    await loseConsumer(before);
    const missed = await service.publish("crm", "{}");
    const after = await freshReplica();
    expect(await handleAll(after, await open(after))).toEqual([missed]);
  });

  it("takes all of a stream that was made anew meanwhile", async () => {
    const before = await freshReplica();
    const consumer = await open(before);
    for (let n = 0; n < 3; n++) await service.publish("crm", "{}");
    await handleAll(before, consumer);
    await service.consumers.stop();
    await makeStreamAnew();
    const seqs = [];
    for (let n = 0; n < 5; n++) seqs.push(await service.publish("crm", "{}"));
    const after = await freshReplica();
    expect(await handleAll(after, await open(after))).toEqual(seqs);
  });

  it("goes by the time in an older copy of the stream, also once that has grown past the floor", async () => {
    const before = await freshReplica();
    const consumer = await open(before);
    await service.publish("crm", "{}");
    await handleAll(before, consumer);
    await loseConsumer(before);
    // As if the floor had been seen an hour from now, beyond what the copy has.
    await service.rows(
      `update source_positions set ack_floor = ack_floor + 3,
         seen_at = clock_timestamp() + interval '1 hour' where durable = $1`,
      [before.plan.durable],
    );
    // The column has milliseconds, and rounds.
    const seenAtMs = Date.now();
    await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(seenAtMs + 1);
    const seqs = [await service.publish("crm", "{}")];
    const after = await freshReplica();
    await open(after);
    await loseConsumer(after);
    for (let n = 0; n < 4; n++) seqs.push(await service.publish("crm", "{}"));
    const last = await freshReplica();
    expect(await handleAll(last, await open(last))).toEqual(seqs);
    const [row] = await service.rows("select seen_at from source_positions where durable = $1", [
      last.plan.durable,
    ]);
    expect(Date.parse(String(row?.seen_at))).toBeLessThan(Date.now() + HOUR_MS / 2);
  });

  it("is not made while the database is away; one that exists is used", async () => {
    const away = () => Promise.reject(new DatabaseAway("away"));
    const { errors, log } = errorLog();
    const deps = { ...(await freshReplica({ ...service.database, transaction: away })), log };
    await expect(openConsumer(deps)).rejects.toThrow("away");
    await open(await freshReplica());
    await service.publish("crm", "{}");
    expect(await handleAll(deps, await open(deps))).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it("is used, and the error logged, where the position cannot be kept for another cause", async () => {
    await open(await freshReplica());
    await service.rows("alter table source_positions rename to positions_elsewhere");
    const { errors, log } = errorLog();
    const deps = { ...(await freshReplica()), log };
    const consumer = await open(deps);
    await service.publish("crm", "{}");
    expect(await handleAll(deps, consumer)).toHaveLength(1);
    const unknownTable = expect.stringContaining("source_positions");
    // Of the look at the position and of the note.
    expect(errors).toEqual([unknownTable, unknownTable]);
    await loseConsumer(deps);
    await expect(openConsumer(deps)).rejects.toThrow("source_positions");
  });
});

it("a fresh installation takes nothing old", async () => {
  await service.publish("crm", "{}");
  // The start is known to the millisecond, and what comes in the same one is not old.
  const publishedAtMs = Date.now();
  await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(publishedAtMs + 1);
  const deps = await freshReplica();
  const consumer = await open(deps);
  const { config } = await consumer.info();
  expect(config.deliver_policy).toBe(DeliverPolicy.StartTime);
  const young = await service.publish("crm", "{}");
  expect(await handleAll(deps, consumer)).toEqual([young]);
});

it("a source at work costs a statement every ten seconds", async () => {
  const { database, ran } = recordStatements(service.database);
  const { graphs, processor } = service;
  const replica = await freshReplica(database);
  const { stream, durable } = replica.plan;
  const batchDeps = { ...replica, graphs, processor, stream, noteTenantless: () => {} };
  const deps = {
    ...replica,
    handle: (batch: readonly JsMsg[]) => handleBatch(batchDeps, batch),
  };
  const notes = () => ran.filter(({ statement }) => statement.name === "keep_source_floor").length;
  const pulls = service.connection.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`);
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  const loop = startPullLoop(deps);
  try {
    let seen = 0;
    // A pull that has ended is followed by the next one.
    for await (const _ of pulls) {
      await service.publish("crm", "{}");
      seen += 1;
      if (seen === PULLS) break;
    }
    expect(notes()).toBe(1);
    nowMs += 10_000;
    await vi.waitFor(() => expect(notes()).toBe(2), WAIT_AT_MOST);
  } finally {
    vi.restoreAllMocks();
    await loop.stop();
  }
});

it("an idle source costs no statement", async () => {
  let statements = 0;
  const deps = await freshReplica({
    ...service.database,
    transaction(work) {
      statements += 1;
      return service.database.transaction(work);
    },
  });
  const consumer = await open(deps);
  await service.publish("crm", "{}");
  await handleAll(deps, consumer);
  const before = statements;
  for (let n = 0; n < 3; n++) await noteFloor(deps, consumer);
  await open(deps);
  expect(statements).toBe(before);
  await service.publish("crm", "{}");
  await handleAll(deps, consumer);
  expect(statements).toBe(before + 1);
});
