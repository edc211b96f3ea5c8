/**
 * The stream of our events: conflicts with other streams, its limits, and that lost events are published again.
 * Boundary: needs the Postgres of TEST_DATABASE_URL and the program nats-server; each test has a server of its own.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JetStreamManager, NatsConnection } from "nats";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openAckedPublish } from "../../../../src/egress/publish/acked-publish.ts";
import { openOwnStream } from "../../../../src/egress/publish/own-stream.ts";
import { createPublisher, type Publisher } from "../../../../src/egress/publish/publisher.ts";
import { connectBus } from "../../../../src/ingress/bus/connection.ts";
import { createReadiness } from "../../../../src/ingress/rpc/readiness.ts";
import { createLog } from "../../../../src/process/log.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import type { StreamLimits } from "../../../../src/runtime/stream-limits.ts";
import type { VersionRow } from "../../../../src/store/reads/definitions.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import { type OwnNats, startOwnNats } from "../../../support/servers/own-nats.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../../support/services/processor.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

const STREAM = "WORKFLOWS";
const SUBJECTS = ["workflows.changes.>"];
const WAIT = { timeout: 20_000, interval: 20 };
const EVENTS_A_RUN = 3;

let at: TestProcessor;
let sql: pg.Client;
let version: VersionRow;
const stops: (() => Promise<unknown> | undefined)[] = [];

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  version = await publish(
    at.database,
    "chain",
    versionOf([stepOf("first", { stepType: "HUMAN_TASK", name: "first" })], []),
  );
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await sql.query("delete from stream_marks; delete from stream_acks");
  await sql.query("delete from move_batches");
});
afterAll(async () => {
  await sql.end();
  await at.stop();
});

interface Line {
  readonly nats: OwnNats;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly logged: { readonly [name: string]: unknown }[];
  start(limits?: StreamLimits): Publisher;
}

/** A server, the service's connection to it, and publishers over that. */
async function openLine(): Promise<Line> {
  const nats = await startOwnNats();
  stops.push(nats.stop);
  const logged: { readonly [name: string]: unknown }[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    write: (line) => logged.push(JSON.parse(line)),
  });
  const connection = await connectBus({ servers: [nats.url] }, log);
  stops.push(() => connection.close());
  const manager = await connection.jetstreamManager();
  let replicas = 0;
  return {
    nats,
    connection,
    manager,
    logged,
    start(limits = STREAM_LIMITS) {
      replicas += 1;
      const publisher = createPublisher({
        database: at.database,
        graphs: createGraphCache(at.database),
        log,
        connection,
        stream: STREAM,
        limits,
        format: "cloudevents",
        replicaId: `replica-${replicas}`,
      });
      stops.push(publisher.stop);
      publisher.start();
      return publisher;
    },
  };
}

async function startRun(): Promise<string> {
  const begun = {
    kind: "start",
    start: startOf(version),
    cause: { kind: "rpc", id: "StartRun" },
  } as const;
  return (await at.processor.submit(begun)).runId;
}

async function complete(runId: string): Promise<void> {
  const input = transitioned("first", "COMPLETED", { output: {} });
  await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
}

async function unpublished(): Promise<number> {
  const { rows } = await sql.query<{ n: string }>(
    "select count(*) as n from move_batches where published_at is null",
  );
  return Number(rows[0]?.n);
}

async function drained(): Promise<void> {
  await vi.waitFor(async () => expect(await unpublished()).toBe(0), WAIT);
}

/** Ids of the events of runs in the stream, in its order. */
async function idsOf(manager: JetStreamManager, stream = STREAM): Promise<string[]> {
  const { state } = await manager.streams.info(stream);
  const ids: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const message = await manager.streams.getMessage(stream, { seq });
    const id = message.header.get("Nats-Msg-Id");
    if (id.startsWith("wfr_")) ids.push(id);
  }
  return ids;
}

const idsOfRun = (ids: readonly string[], runId: string) =>
  ids.filter((id) => id.startsWith(`${runId}-`));

/** How far the stream was at the latest mark. */
async function markedSeq(): Promise<number | undefined> {
  const { rows } = await sql.query<{ seq: string }>(
    "select seq from stream_marks order by marked_at desc limit 1",
  );
  return rows[0] === undefined ? undefined : Number(rows[0].seq);
}

describe("the stream of our events", () => {
  it("is made with the limits that are set", async () => {
    const line = await openLine();
    line.start({ maxAgeMs: 3_600_000, maxBytes: 50_000_000, replicas: 1 });
    await startRun();
    await drained();
    expect((await line.manager.streams.info(STREAM)).config).toMatchObject({
      max_age: 3_600_000 * 1e6,
      max_bytes: 50_000_000,
      num_replicas: 1,
      subjects: SUBJECTS,
    });
  });

  it("stays as its owner made it, which is logged once", async () => {
    const line = await openLine();
    await line.manager.streams.add({ name: STREAM, subjects: SUBJECTS, max_bytes: 9_000_000 });
    line.start();
    await startRun();
    await drained();
    const { config } = await line.manager.streams.info(STREAM);
    expect(config).toMatchObject({ max_age: 0, max_bytes: 9_000_000 });
    await line.nats.restart();
    await startRun();
    await drained();
    const said = line.logged.filter(({ message }) => `${message}`.includes("other limits"));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ max_bytes: { stream: 9_000_000, set: -1 } });
  });

  it.each([
    {
      what: "has its subjects in a stream of another name",
      block: (manager: JetStreamManager) =>
        manager.streams.add({ name: "OTHER", subjects: SUBJECTS }),
      cause: "the stream WORKFLOWS cannot be made: OTHER has subjects of workflows.changes.>",
      free: (manager: JetStreamManager) => manager.streams.delete("OTHER"),
    },
    {
      what: "has other subjects, and a stream of another name takes ours",
      block: async (manager: JetStreamManager) => {
        await manager.streams.add({ name: STREAM, subjects: ["elsewhere"] });
        await manager.streams.add({ name: "OTHER", subjects: SUBJECTS });
      },
      cause: "the stream OTHER takes the event",
      free: async (manager: JetStreamManager) => {
        await manager.streams.delete("OTHER");
        await manager.streams.update(STREAM, { subjects: SUBJECTS });
      },
    },
    {
      what: "is full",
      block: async (manager: JetStreamManager) => {
        const full = { max_msgs: 1, discard: "new" } as const;
        await manager.streams.add({ name: STREAM, subjects: SUBJECTS, ...full } as never);
      },
      cause: "maximum messages exceeded",
      free: (manager: JetStreamManager) => manager.streams.update(STREAM, { max_msgs: -1 }),
    },
    {
      what: "acknowledges nothing",
      block: (manager: JetStreamManager) =>
        manager.streams.add({ name: STREAM, subjects: SUBJECTS, no_ack: true }),
      cause: "the stream WORKFLOWS acknowledges nothing (no_ack)",
      free: (manager: JetStreamManager) => manager.streams.update(STREAM, { no_ack: false }),
    },
  ])("$what: readiness says so, and events go out once it is mended", async (each) => {
    const line = await openLine();
    await each.block(line.manager);
    const publisher = line.start();
    const probe = createReadiness({
      database: at.database,
      log: at.log,
      busTroubles: () => ({ bus: undefined, stream: publisher.trouble() }),
    });
    const runId = await startRun();
    const readiness = { status: "degraded", parts: { stream: `down: ${each.cause}` } };
    await vi.waitFor(async () => expect(await probe()).toMatchObject(readiness), WAIT);
    expect(await unpublished()).toBeGreaterThan(0);
    await each.free(line.manager);
    await drained();
    await vi.waitFor(async () => expect((await probe()).parts.stream).toBe("ok"), WAIT);
    expect(idsOfRun(await idsOf(line.manager), runId)).toHaveLength(EVENTS_A_RUN);
    const said = line.logged.filter(({ part }) => part === "stream");
    expect(said.map(({ trouble }) => trouble)).toEqual([each.cause, undefined]);
  });
});

describe("events that the stream had acknowledged and lost", () => {
  it("are published again under the same ids, in order per run, when it was deleted", async () => {
    const line = await openLine();
    line.start();
    const runIds = [await startRun(), await startRun()];
    await drained();
    const before = await idsOf(line.manager);
    await line.manager.streams.delete(STREAM);
    runIds.push(await startRun());
    await vi.waitFor(async () => expect(await idsOf(line.manager)).toHaveLength(9), WAIT);
    await drained();
    const after = await idsOf(line.manager);
    expect(new Set(after)).toEqual(new Set([...before, ...idsOfRun(after, runIds[2] ?? "")]));
    for (const runId of runIds.slice(0, 2)) {
      expect(idsOfRun(after, runId)).toEqual(idsOfRun(before, runId));
    }
  });

  it("are published again when it was made anew while no replica ran", async () => {
    const line = await openLine();
    const first = line.start();
    const runId = await startRun();
    await drained();
    const before = await idsOf(line.manager);
    await first.stop();
    await line.manager.streams.delete(STREAM);
    await line.manager.streams.add({ name: STREAM, subjects: SUBJECTS });
    line.start();
    await vi.waitFor(
      async () => expect(idsOfRun(await idsOf(line.manager), runId)).toEqual(before),
      WAIT,
    );
  });

  it("are published again when an older copy was restored, except those in the copy", async () => {
    const line = await openLine();
    line.start();
    const old = await startRun();
    await drained();
    const kept = (await line.manager.streams.info(STREAM)).state.last_seq;
    const store = join(line.nats.folder, "nats", "jetstream");
    const copy = join(line.nats.folder, "copy");
    await line.nats.end();
    await cp(store, copy, { recursive: true });
    await line.nats.restart();
    // The check on the new connection marks what the copy has.
    await vi.waitFor(async () => expect(await markedSeq()).toBe(kept), WAIT);
    const lost = await startRun();
    await drained();
    const ids = await idsOf(line.manager);
    await line.nats.end();
    await rm(store, { recursive: true });
    await cp(copy, store, { recursive: true });
    await line.nats.restart();
    await vi.waitFor(async () => expect(await idsOf(line.manager)).toHaveLength(ids.length), WAIT);
    expect(await idsOf(line.manager)).toEqual(ids);
    expect(idsOfRun(ids, old).length + idsOfRun(ids, lost).length).toBe(ids.length);
    // The check on one more connection finds nothing missing.
    await line.nats.restart();
    await startRun();
    await drained();
    const said = line.logged.filter(({ message }) => `${message}`.includes("lost acknowledged"));
    expect(said).toMatchObject([{ batches: 1, keptSeq: kept }]);
  });

  it("go out before an event that was in flight as the server crashed", async () => {
    const line = await openLine();
    const publisher = line.start();
    await startRun();
    await drained();
    const store = join(line.nats.folder, "nats", "jetstream");
    const copy = join(line.nats.folder, "copy");
    await line.nats.end();
    await cp(store, copy, { recursive: true });
    await line.nats.restart();
    const runId = await startRun();
    await drained();
    const lost = idsOfRun(await idsOf(line.manager), runId);
    process.kill(line.nats.pid, "SIGSTOP");
    const sent = line.connection.stats().outMsgs;
    await complete(runId);
    publisher.notice(at.batches);
    await vi.waitFor(() => expect(line.connection.stats().outMsgs).toBeGreaterThan(sent), WAIT);
    process.kill(line.nats.pid, "SIGKILL");
    await rm(store, { recursive: true });
    await cp(copy, store, { recursive: true });
    await line.nats.restart();
    await drained();
    const ids = idsOfRun(await idsOf(line.manager), runId);
    expect(ids.slice(0, lost.length)).toEqual(lost);
    expect(ids.length).toBeGreaterThan(lost.length);
  });

  it("are published again when an older copy was restored while no replica ran", async () => {
    const line = await openLine();
    const first = line.start();
    await startRun();
    await drained();
    const store = join(line.nats.folder, "nats", "jetstream");
    const copy = join(line.nats.folder, "copy");
    await line.nats.end();
    await cp(store, copy, { recursive: true });
    await line.nats.restart();
    await startRun();
    await drained();
    const ids = await idsOf(line.manager);
    await first.stop();
    // Its check marks all that the stream has.
    const second = line.start();
    await vi.waitFor(async () => expect(await markedSeq()).toBe(ids.length), WAIT);
    await second.stop();
    await line.nats.end();
    await rm(store, { recursive: true });
    await cp(copy, store, { recursive: true });
    await line.nats.restart();
    line.start();
    await vi.waitFor(async () => expect(await idsOf(line.manager)).toEqual(ids), WAIT);
  });

  it("are published again when their replica ended before its next look at an older copy", async () => {
    const line = await openLine();
    const first = line.start();
    await startRun();
    await drained();
    const kept = (await line.manager.streams.info(STREAM)).state.last_seq;
    const store = join(line.nats.folder, "nats", "jetstream");
    const copy = join(line.nats.folder, "copy");
    await line.nats.end();
    await cp(store, copy, { recursive: true });
    await line.nats.restart();
    await vi.waitFor(async () => expect(await markedSeq()).toBe(kept), WAIT);
    await startRun();
    await drained();
    const ids = await idsOf(line.manager);
    expect(ids.length).toBeGreaterThan(kept);
    await first.stop();
    expect(await markedSeq()).toBe(kept);
    await line.nats.end();
    await rm(store, { recursive: true });
    await cp(copy, store, { recursive: true });
    await line.nats.restart();
    const second = line.start();
    await vi.waitFor(async () => expect(await idsOf(line.manager)).toEqual(ids), WAIT);
    await drained();
    await second.stop();
    // The next replica finds nothing missing.
    line.start();
    await startRun();
    await drained();
    const said = line.logged.filter(({ message }) => `${message}`.includes("lost acknowledged"));
    expect(said).toMatchObject([{ batches: 1, keptSeq: kept }]);
  });

  it("are not published again when nothing was lost", async () => {
    const line = await openLine();
    const first = line.start();
    await startRun();
    await drained();
    await first.stop();
    await line.nats.restart();
    line.start();
    await startRun();
    await drained();
    const said = line.logged.filter(({ message }) => `${message}`.includes("lost acknowledged"));
    expect(said).toEqual([]);
  });
});

it("is looked at again when that was asked for while it was looked at", async () => {
  const { connection } = await openLine();
  const bus = openAckedPublish(connection, STREAM);
  stops.push(async () => bus.stop());
  let looks = 0;
  const ownStream = openOwnStream({
    ...{ connection, bus, stream: STREAM, limits: STREAM_LIMITS, database: at.database },
    log: createLog({ level: "error", format: "json", write: () => {} }),
    async beforeLook() {
      looks += 1;
      // The replica has got more partitions.
      if (looks === 1) ownStream.lookAgain();
    },
  });
  for (const expected of [1, 2, 2]) {
    expect(await ownStream.ready([0])).toBe(true);
    expect(looks).toBe(expected);
  }
});
