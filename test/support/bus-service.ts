/**
 * The service from the bus to Postgres, without RPC and egress: consumers, routing, processor.
 * Boundary: needs the servers of TEST_DATABASE_URL and TEST_NATS_URL. Streams have random names, so
 * that files run side by side on one nats-server; committed calls are collected, not made.
 */
import { randomBytes } from "node:crypto";
import type { NatsConnection } from "nats";
import pg from "pg";
import type { VersionSpec } from "../../src/engine/definition.ts";
import type { Resolution } from "../../src/engine/run.ts";
import { type BusConsumers, startBusConsumers } from "../../src/ingress/bus/bus-consumers.ts";
import { connectBus } from "../../src/ingress/bus/connection.ts";
import { createDefinition, publishVersion } from "../../src/runtime/definitions.ts";
import { createGraphCache } from "../../src/runtime/graphs.ts";
import { createLog } from "../../src/runtime/log.ts";
import { createProcessor, type LeasedCall, type Processor } from "../../src/runtime/processor.ts";
import { openDatabase } from "../../src/store/database.ts";
import { encodeCall } from "../../src/wire/calls.ts";
import { freshDatabase } from "./database.ts";

/** The parts, running. */
export interface BusService {
  readonly connection: NatsConnection;
  readonly processor: Processor;
  /** A stream of its own, with subjects `<role>.<token>.>` for every role. */
  readonly stream: string;
  readonly token: string;
  /** Calls that commits wanted, in order. */
  readonly calls: LeasedCall[];
  readonly consumers: BusConsumers;
  /** Everything logged, a line each. */
  readonly logged: string[];
  publish(role: string, body: string | object): Promise<number>;
  define(workspaceId: string, spec: VersionSpec): Promise<{ id: string; versionId: string }>;
  rows(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  restartConsumers(): Promise<void>;
  stop(): Promise<void>;
}

const ROLES = ["objectives", "approvals", "governance", "agents", "siphon", "crm"];
const AGENT: Resolution = { agentId: "a1", skillId: "" };

/** Starts them on a fresh database; the streams exist before. */
export async function startBusService(): Promise<BusService> {
  const token = randomBytes(5).toString("hex");
  const stream = `T_${token}`;
  const logged: string[] = [];
  const log = createLog({ level: "debug", format: "json", write: (line) => logged.push(line) });
  const fresh = await freshDatabase();
  const database = openDatabase({ url: fresh.url, log });
  const sql = new pg.Client({ connectionString: fresh.url });
  await sql.connect();
  const connection = await connectBus({ servers: [process.env.TEST_NATS_URL ?? ""] }, log);
  const manager = await connection.jetstreamManager();
  const subjects = ROLES.map((role) => `${role}.${token}.>`);
  await manager.streams.add({ name: stream, subjects });
  const calls: LeasedCall[] = [];
  const graphs = createGraphCache(database);
  const processor = createProcessor({
    database,
    graphs,
    log,
    encodeCall,
    lookups: { find: () => AGENT },
    onCommitted: (committed) => void calls.push(...committed.calls),
    replicaId: "test",
  });
  const startConsumers = () =>
    startBusConsumers({
      connection,
      database,
      processor,
      graphs,
      log,
      sources: subjects.map((subject) => ({ stream, subject })),
      createStreams: false,
      ownStream: "WORKFLOWS",
    });
  let consumers = startConsumers();
  return {
    connection,
    processor,
    stream,
    token,
    calls,
    logged,
    get consumers() {
      return consumers;
    },
    async publish(role, body) {
      const data = typeof body === "string" ? body : JSON.stringify(body);
      const ack = await connection.jetstream().publish(`${role}.${token}.x`, data);
      return ack.seq;
    },
    async define(workspaceId, spec) {
      const name = randomBytes(6).toString("hex");
      const definition = await createDefinition(
        { database },
        { workspaceId, name, description: "", tags: [] },
      );
      const { version } = await publishVersion({ database }, { definitionId: definition.id, spec });
      return { id: definition.id, versionId: version.id };
    },
    async rows(text, values = []) {
      return (await sql.query(text, [...values])).rows;
    },
    async restartConsumers() {
      await consumers.stop();
      consumers = startConsumers();
    },
    async stop() {
      await consumers.stop();
      await processor.stop();
      await manager.streams.delete(stream);
      await connection.close();
      await database.close();
      await sql.end();
      await fresh.drop();
    },
  };
}
