/**
 * The service with queues of workers, without RPC: processor, tasks out, results in, the check of lost tasks.
 * Boundary: a Postgres database and a nats-server of its own; everything else of the service is left out.
 */
import { randomBytes } from "node:crypto";
import type { JetStreamManager, NatsConnection } from "nats";
import pg from "pg";
import { createReconciler } from "../../../src/egress/reconcile/reconcile.ts";
import type { VersionSpec } from "../../../src/engine/values/definition.ts";
import { connectBus } from "../../../src/ingress/bus/connection.ts";
import { startTimers } from "../../../src/ingress/timers/timers.ts";
import { createLog } from "../../../src/process/log.ts";
import { createGraphCache } from "../../../src/runtime/graphs.ts";
import { createProcessor, type Processor } from "../../../src/runtime/processor.ts";
import type { RunStart } from "../../../src/runtime/submission.ts";
import { type Database, openDatabase } from "../../../src/store/database.ts";
import type { VersionRow } from "../../../src/store/reads/definitions.ts";
import { readClock } from "../../../src/store/service-reads/clock.ts";
import { encodeCall } from "../../../src/wire/calls/requests.ts";
import { startWorkerQueues } from "../../../src/worker-queues.ts";
import { until } from "../assertions/until.ts";
import { freshDatabase } from "../servers/database.ts";
import { type OwnNats, startOwnNats } from "../servers/own-nats.ts";
import { publish, startOf, WORKSPACE } from "../services/processor.ts";
import { STREAM_LIMITS } from "../services/stream-limits.ts";

/** The parts, running. */
export interface QueueService {
  readonly nats: OwnNats;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly database: Database;
  readonly processor: Processor;
  readonly logged: string[];
  /** Tasks of commits are dropped from here on, as by a process that dies before it sends them. */
  dropTasks(drops: boolean): void;
  define(spec: VersionSpec): Promise<VersionRow>;
  start(version: VersionRow, more?: Partial<RunStart>): Promise<string>;
  rows(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** A step of a run as its row has it. */
  step(runId: string, index?: number): Promise<Record<string, unknown>>;
  /** Resolves when both streams are there. */
  streamsMade(): Promise<void>;
  /** Resolves when everything that was reported is handled. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts them. */
export async function startQueueService(
  intervalMs = 2_000,
  unservedMs = 60_000,
): Promise<QueueService> {
  const nats = await startOwnNats();
  const logged: string[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => logged.push(line) });
  const fresh = await freshDatabase();
  const database = openDatabase({ url: fresh.url, log });
  const sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
  const connection = await connectBus({ servers: [nats.url] }, log);
  const manager = await connection.jetstreamManager();
  const graphs = createGraphCache(database);
  let drops = false;
  const processor = createProcessor({
    ...{ database, graphs, log, encodeCall },
    lookups: { choose: () => undefined },
    replicaId: "test",
    onCommitted: ({ tasks }) => {
      if (!drops) queues.take(tasks);
    },
  });
  const queues = startWorkerQueues({
    ...{ connection, database, graphs, processor, log, intervalMs, unservedMs },
    everyMs: 200,
    limits: STREAM_LIMITS,
    replicaId: "test",
    startedAt: await readClock(database.read),
  });
  const reconciler = createReconciler({
    ...{ database, processor, log, intervalMs },
    clients: { find: () => undefined },
    recoverTasks: (tasks) => queues.recover(tasks),
  });
  reconciler.start();
  const timers = startTimers({ database, processor, log });
  return {
    ...{ nats, connection, manager, database, processor, logged },
    dropTasks(value) {
      drops = value;
    },
    define: (spec) => publish(database, randomBytes(6).toString("hex"), spec),
    async start(version, more = {}) {
      const settled = await processor.submit({
        kind: "start",
        cause: { kind: "rpc", id: "StartRun" },
        start: startOf(version, { workspaceId: WORKSPACE, ...more }),
      });
      return settled.runId;
    },
    rows: async (text, values = []) => (await sql.query(text, [...values])).rows,
    async step(runId, index = 0) {
      const { rows } = await sql.query(
        "select * from step_runs where run_id = $1 and step_index = $2",
        [runId, index],
      );
      return rows[0] ?? {};
    },
    async streamsMade() {
      await until(async () => {
        const names = [];
        for await (const { config } of manager.streams.list()) names.push(config.name);
        return names.length === 2 ? names : undefined;
      });
    },
    async settled() {
      await until(async () => {
        const info = await manager.consumers.info(
          "WORKFLOWS_RESULTS",
          "workflows-workflows_results",
        );
        return info.num_pending + info.num_ack_pending === 0 ? true : undefined;
      });
    },
    async stop() {
      await Promise.all([timers.stop(), reconciler.stop(), queues.stopListening()]);
      await processor.stop();
      await queues.stop();
      await connection.close();
      await database.close();
      await sql.end();
      await fresh.drop();
      await nats.stop();
    },
  };
}
