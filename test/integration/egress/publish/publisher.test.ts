/** Events of committed moves on a real bus: all of them, in order per run, once per id, whatever happens between. */
import { createConnection, createServer, type Socket } from "node:net";
import {
  AckPolicy,
  type ConsumerMessages,
  connect,
  DeliverPolicy,
  type NatsConnection,
} from "nats";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createPublisher, type Publisher } from "../../../../src/egress/publish/publisher.ts";
import { isJsonObject, type JsonObject } from "../../../../src/engine/values/json.ts";
import { createGraphCache } from "../../../../src/runtime/graphs.ts";
import type { RunStart } from "../../../../src/runtime/submission.ts";
import type { Queries } from "../../../../src/store/database.ts";
import type { VersionRow } from "../../../../src/store/reads/definitions.ts";
import { until } from "../../../support/assertions/until.ts";
import { transitioned } from "../../../support/builders/step-reports.ts";
import { edgeOf, stepOf, versionOf } from "../../../support/builders/version-spec.ts";
import {
  publish,
  startOf,
  startProcessor,
  type TestProcessor,
} from "../../../support/services/processor.ts";
import { STREAM_LIMITS } from "../../../support/services/stream-limits.ts";

interface Received {
  readonly msgId: string;
  readonly contentType: string;
  readonly subject: string;
  readonly event: { readonly [name: string]: unknown; readonly data: JsonObject };
}

const STREAM = "WORKFLOWS";
const RPC = { kind: "rpc", id: "TransitionStep" } as const;
const task = (id: string) => stepOf(id, { stepType: "HUMAN_TASK", name: id });
// The branch is transparent: what `last` gets is two rows away.
const CHAIN = versionOf(
  [task("first"), stepOf("fork", { stepType: "BRANCH", agentId: "" }), task("last")],
  ["first -> fork", edgeOf("fork -> last")],
);

let at: TestProcessor;
let sql: pg.Client;
let version: VersionRow;
let connection: NatsConnection;
let inbox: ConsumerMessages | undefined;
const received: Received[] = [];
const running: Publisher[] = [];

beforeAll(async () => {
  at = await startProcessor();
  sql = new pg.Client({ connectionString: at.url });
  await sql.connect();
  version = await publish(at.database, "chain", CHAIN);
  connection = await connect({ servers: process.env.TEST_NATS_URL ?? "" });
  const before = createReplica("replica-setup");
  before.start();
  await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
  await listen();
});
afterEach(async () => {
  for (const publisher of running.splice(0)) await publisher.stop();
});
afterAll(async () => {
  inbox?.stop();
  await connection.close();
  await sql.end();
  await at.stop();
});

function createReplica(replicaId: string, over = connection, database = at.database): Publisher {
  const publisher = createPublisher({
    limits: STREAM_LIMITS,
    database,
    graphs: createGraphCache(at.database),
    log: at.log,
    connection: over,
    stream: STREAM,
    format: "cloudevents",
    replicaId,
  });
  running.push(publisher);
  return publisher;
}

/** The database with the names of the statements that its readers asked. */
function listened() {
  const asked: string[] = [];
  let listing = Promise.resolve();
  const read: Queries = {
    ...at.database.read,
    async query(statement, values) {
      asked.push(statement.name);
      if (statement.name === "list_unpublished_batches") await listing;
      return at.database.read.query(statement, values);
    },
  };
  return {
    asked,
    database: { ...at.database, read },
    async whileNothingIsListed(work: () => Promise<void>): Promise<void> {
      const done = listing.then(work);
      listing = done;
      await done;
    },
  };
}

/** Collects what the stream has, from its beginning: other test files may write to it too. */
async function listen(): Promise<void> {
  const name = `publisher_test_${at.url.slice(-12)}`;
  const manager = await connection.jetstreamManager();
  await manager.consumers.add(STREAM, {
    durable_name: name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
  });
  const consumer = await connection.jetstream().consumers.get(STREAM, name);
  const messages = await consumer.consume();
  inbox = messages;
  void (async () => {
    for await (const message of messages) {
      if (message.headers?.get("Content-Type") !== "application/cloudevents+json") continue;
      received.push({
        msgId: message.headers?.get("Nats-Msg-Id") ?? "",
        contentType: message.headers?.get("Content-Type") ?? "",
        subject: message.subject,
        event: message.json(),
      });
    }
  })();
}

/** A connection to the bus that can be cut at any moment. */
async function openLine() {
  const bus = new URL(process.env.TEST_NATS_URL ?? "");
  const ends = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = createConnection(Number(bus.port), bus.hostname);
    for (const end of [near, far]) {
      ends.add(end);
      end.on("error", () => end.destroy());
      end.on("close", () => ends.delete(end));
    }
    if (isCut) near.destroy();
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `nats://127.0.0.1:${port}`,
    cut() {
      isCut = true;
      for (const end of ends) end.destroy();
    },
    mend() {
      isCut = false;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function unpublished(): Promise<number> {
  const { rows } = await sql.query<{ n: string }>(
    "select count(*) as n from move_batches where published_at is null",
  );
  return Number(rows[0]?.n);
}

async function start(more: Partial<RunStart> = {}): Promise<string> {
  const begun = { kind: "start", start: startOf(version, more), cause: RPC } as const;
  return (await at.processor.submit(begun)).runId;
}

async function complete(runId: string, stepId: string, output: JsonObject): Promise<void> {
  const input = transitioned(stepId, "COMPLETED", { output });
  await at.processor.submit({ kind: "input", runId, workspaceId: "", input });
}

async function play(more: Partial<RunStart> = {}): Promise<string> {
  const runId = await start(more);
  await complete(runId, "first", { x: 1 });
  await complete(runId, "last", { y: 2 });
  return runId;
}

const ofRun = (runId: string) => received.filter(({ event }) => event.partitionkey === runId);
const typesOf = (runId: string) =>
  ofRun(runId).map(({ subject }) => subject.replace("workflows.changes.", ""));

const PLAYED = [
  "run.started",
  "step.started",
  "step.waiting",
  "step.completed",
  "step.started",
  "step.completed",
  "step.started",
  "step.waiting",
  "step.completed",
  "run.completed",
];

describe("what was committed", () => {
  it("is published in order, with the same id everywhere, and marked", async () => {
    const publisher = createReplica("replica-a");
    publisher.start();
    const runId = await play();
    publisher.notice(at.batches);
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
    for (const { msgId, contentType, subject, event } of ofRun(runId)) {
      expect(event).toMatchObject({ id: msgId, type: subject, subject });
      expect(contentType).toBe("application/cloudevents+json");
    }
    const places = ofRun(runId).map(({ msgId }) => msgId.slice(runId.length + 1));
    expect(places).toEqual(
      [...places].sort((a, b) => Number(a.split("-")[0]) - Number(b.split("-")[0])),
    );
    const last = ofRun(runId).at(-2);
    expect(last?.event.data).toMatchObject({
      workflow_state: "WORKFLOW_STATE_RUNNING",
      step: { step_id: "last", input_payload: { x: 1 }, output_payload: { y: 2 } },
    });
    expect(ofRun(runId).at(-1)?.event.data).toMatchObject({
      run: { state: "WORKFLOW_STATE_COMPLETED", output_payload: { y: 2 } },
    });
    await vi.waitFor(async () => expect(await unpublished()).toBe(0));
  });

  it("is read once: each round asks as often, whatever moved", async () => {
    const { asked, database } = listened();
    const publisher = createReplica("replica-a", connection, database);
    publisher.start();
    const runId = await start();
    for (const [stepId, place] of [
      ["first", 1],
      ["last", 2],
    ] as const) {
      await complete(runId, stepId, { place });
      await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
    }
    const rounds = asked.filter((name) => name === "list_moves_of_batches").length;
    expect(rounds).toBeGreaterThan(0);
    expect(asked.filter((name) => name === "load_small_rows")).toHaveLength(rounds);
  });

  it("is not read again by the replica that committed it", async () => {
    const { asked, database, whileNothingIsListed } = listened();
    const publisher = createReplica("replica-a", connection, database);
    publisher.start();
    const runId = await start();
    // From then on the replica has its partitions.
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
    asked.length = 0;
    for (const stepId of ["first", "last"]) {
      await whileNothingIsListed(async () => {
        await complete(runId, stepId, { stepId });
        publisher.notice(at.batches);
      });
      await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
      // The end of the run is made of its input too, which the last commit did not know.
      if (stepId === "first") expect(new Set(asked)).toEqual(new Set(["list_unpublished_batches"]));
    }
    expect(asked).not.toContain("list_moves_of_batches");
    expect(asked).not.toContain("list_runs_of_moves");
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
  });

  it("goes out behind what another replica committed before it, of which it has no notice", async () => {
    const publisher = createReplica("replica-a");
    publisher.start();
    // New runs need no look at the table, so that the next commit is of a publisher that has not looked just now.
    const begin = async () => {
      at.batches.length = 0;
      const runId = await start();
      publisher.notice(at.batches);
      return runId;
    };
    const runIds: string[] = [];
    for (let n = 0; n < 8; n += 1) {
      const runId = await begin();
      runIds.push(runId);
      await vi.waitFor(() => expect(ofRun(runId)).not.toHaveLength(0), { timeout: 10_000 });
      await complete(runId, "first", { n });
      at.batches.length = 0;
      await complete(runId, "last", { n });
      publisher.notice(at.batches);
    }
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
    for (const runId of runIds) {
      await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
    }
  });

  it("by another replica goes out when that one gives a hint, before the next look at the outbox", async () => {
    const { asked, database } = listened();
    // No pause of a loop ends.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      createReplica("replica-a", connection, database).start();
      await until(() => asked.includes("list_unpublished_batches") || undefined);
      const other = createReplica("replica-b");
      other.start();
      at.batches.length = 0;
      const runId = await play();
      expect(ofRun(runId)).toEqual([]);
      other.notice(at.batches);
      await until(() => typesOf(runId).length === PLAYED.length || undefined);
      expect(typesOf(runId)).toEqual(PLAYED);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ["without an input shows none", { input: {}, inputUnset: true }, undefined],
    ["with an empty input shows that", { input: {} }, {}],
  ] as const)("of a run %s", async (_what, more, shown) => {
    const publisher = createReplica("replica-a");
    publisher.start();
    const runId = await play(more);
    publisher.notice(at.batches);
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
    const runs = ofRun(runId).flatMap(({ event: { data } }) => data.run ?? []);
    expect(runs.map((run) => (isJsonObject(run) ? run.input_payload : run))).toEqual([
      shown,
      shown,
    ]);
    // A step always has an input; here it is empty, because no edge carried a value.
    const steps = ofRun(runId).flatMap(({ event: { data } }) => data.step ?? []);
    expect(steps[0]).toMatchObject({ step_id: "first", input_payload: {} });
  });

  it("of definitions and versions is published too", () => {
    const subjects = received
      .filter(({ event }) => [version.definitionId, version.id].includes(`${event.partitionkey}`))
      .map(({ subject }) => subject);
    expect(subjects).toEqual([
      "workflows.changes.definition.create",
      "workflows.changes.workflow.created",
      "workflows.changes.version.publish",
      ...["published", "activated"].map((name) => `workflows.changes.workflow.${name}`),
    ]);
  });

  it("has the run's state at the move, also when the run has gone on", async () => {
    const runId = await play();
    await sql.query(
      `update move_batches set published_at = now() where id in
        (select batch_id from run_moves where run_id = $1 and seq = (select max(seq) from run_moves where run_id = $1))`,
      [runId],
    );
    createReplica("replica-a").start();
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED.slice(0, -2)), {
      timeout: 10_000,
    });
    const states = ofRun(runId).flatMap(({ event }) => event.data.workflow_state ?? []);
    expect(new Set(states)).toEqual(new Set(["WORKFLOW_STATE_RUNNING"]));
  });

  it("is published again under the same ids after a crash before the mark, and stored once", async () => {
    const runId = await play();
    const first = createReplica("replica-a");
    first.start();
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
    await first.stop();
    await sql.query(
      `update move_batches set published_at = null where id in (select batch_id from run_moves where run_id = $1)`,
      [runId],
    );
    createReplica("replica-b").start();
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 10_000 });
    const later = await play();
    await vi.waitFor(() => expect(typesOf(later)).toEqual(PLAYED), { timeout: 10_000 });
    expect(typesOf(runId)).toEqual(PLAYED);
  });

  it("waits for a bus that is away and loses nothing", async () => {
    const line = await openLine();
    const far = await connect({
      servers: line.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 0,
    });
    createReplica("replica-a", far).start();
    const before = await play();
    await vi.waitFor(() => expect(typesOf(before)).toEqual(PLAYED), { timeout: 10_000 });
    line.cut();
    const runIds = await Promise.all(Array.from({ length: 20 }, play));
    expect(await unpublished()).toBeGreaterThan(0);
    line.mend();
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 20_000 });
    for (const runId of runIds) {
      await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 10_000 });
    }
    for (const publisher of running.splice(0)) await publisher.stop();
    await far.close();
    await line.close();
  });

  it("is shared among replicas: many runs, two publishers, order per run", async () => {
    for (const name of ["replica-a", "replica-b"]) createReplica(name).start();
    const runIds = await Promise.all(Array.from({ length: 100 }, play));
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 20_000 });
    await vi.waitFor(
      () => expect(runIds.every((runId) => ofRun(runId).length === PLAYED.length)).toBe(true),
      { timeout: 10_000 },
    );
    for (const runId of runIds) expect(typesOf(runId)).toEqual(PLAYED);
  });

  it("is divided among two replicas in the middle of a burst, in order per run", async () => {
    const first = createReplica("replica-a");
    first.start();
    await vi.waitFor(() => expect(first.share.partitions).toHaveLength(8), { timeout: 15_000 });
    at.batches.length = 0;
    const runIds: string[] = [];
    let second: Publisher | undefined;
    const areDivided = () =>
      first.share.partitions.length === 4 && second?.share.partitions.length === 4;
    for (let left = 5; left > 0; left -= areDivided() ? 1 : 0) {
      runIds.push(...(await Promise.all(Array.from({ length: 10 }, play))));
      const batches = at.batches.splice(0);
      for (const publisher of [first, second]) publisher?.notice(batches);
      if (second !== undefined) continue;
      second = createReplica("replica-b");
      second.start();
    }
    expect([...first.share.partitions, ...(second?.share.partitions ?? [])]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    expect([first.share.others, second?.share.others]).toEqual([["replica-b"], ["replica-a"]]);
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), { timeout: 20_000 });
    const types = new Map<unknown, string[]>(runIds.map((runId) => [runId, []]));
    await vi.waitFor(
      () => {
        const count = received.filter(({ event }) => types.has(event.partitionkey)).length;
        expect(count).toBe(runIds.length * PLAYED.length);
      },
      { timeout: 10_000 },
    );
    for (const { subject, event } of received) {
      types.get(event.partitionkey)?.push(subject.replace("workflows.changes.", ""));
    }
    for (const ofRun of types.values()) expect(ofRun).toEqual(PLAYED);
  });

  it("keeps its replica until the round under way has ended", async () => {
    const { asked, database, whileNothingIsListed } = listened();
    const first = createReplica("replica-a", connection, database);
    first.start();
    await vi.waitFor(() => expect(first.share.partitions).toHaveLength(8), { timeout: 15_000 });
    const second = createReplica("replica-b");
    await whileNothingIsListed(async () => {
      asked.length = 0;
      await until(() => asked.includes("list_unpublished_batches") || undefined);
      second.start();
      await until(() => first.share.others.length > 0 || undefined);
      expect([first.share.partitions.length, second.share.partitions.length]).toEqual([8, 0]);
    });
    await vi.waitFor(() => expect(second.share.partitions).toHaveLength(4), { timeout: 10_000 });
    expect(first.share.partitions).toEqual([0, 1, 2, 3]);
  });

  it("of a replica that stops is the other's at once, which is told", async () => {
    const first = createReplica("replica-a");
    first.start();
    await vi.waitFor(() => expect(first.share.partitions).toHaveLength(8), { timeout: 15_000 });
    const second = createReplica("replica-b");
    second.start();
    await vi.waitFor(() => expect(second.share.partitions).toHaveLength(4), { timeout: 10_000 });
    // No pause of a loop ends.
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      await first.stop();
      await until(() => second.share.partitions.length === 8 || undefined);
    } finally {
      vi.useRealTimers();
    }
  });

  it("goes on with another replica at once when one stops", async () => {
    const first = createReplica("replica-a");
    first.start();
    await vi.waitFor(async () => {
      const { rows } = await sql.query("select 1 from partition_leases where holder = 'replica-a'");
      expect(rows).toHaveLength(8);
    });
    await first.stop();
    createReplica("replica-b").start();
    const runId = await play();
    await vi.waitFor(() => expect(typesOf(runId)).toEqual(PLAYED), { timeout: 5_000 });
  });
});
